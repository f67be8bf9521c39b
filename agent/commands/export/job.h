// One export: what of which store goes where.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "agent/commands/export/arguments.h"
#include "agent/commands/export/output.h"
#include "agent/store/reader.h"

namespace flopwatt::commands {

struct Job {
  store::Reader& reader;
  Output& out;
  store::Span span;  ///< what the store held at the start: the export of a running agent ends
  std::int64_t since_us = std::numeric_limits<std::int64_t>::min();  ///< the first moment, wall clock
  std::int64_t until_us = std::numeric_limits<std::int64_t>::max();  ///< the moment after the last
  std::vector<AddedLabel> labels;

  [[nodiscard]] bool selects(const store::Row& row) const {
    return row.wall_us >= since_us && row.wall_us < until_us;
  }
};

/// What an export had to leave out.
struct Losses {
  std::uint64_t damaged_sets = 0;          ///< their checksum is wrong
  std::uint64_t readings_in_the_past = 0;  ///< not after the reading before it: the wall clock had gone back
};

/// Hands the selected sets to `see`, chunk by chunk in the order of seq; false from `see` ends it. `wanted`
/// is asked before a row is decoded. Returns how many sets were damaged.
[[nodiscard]] Result<std::uint64_t> walk(
    const Job& job, const std::function<bool(const store::Row&)>& wanted,
    const std::function<bool(const std::vector<store::Reader::Item>&)>& see);

/// A whole export of one line a set: `append` adds the lines of one set to job.out.
[[nodiscard]] Result<Losses> export_each(const Job& job,
                                         const std::function<void(const store::Reader::Item&)>& append);

}  // namespace flopwatt::commands
