// One export: the store, the range and the output.
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
  store::Span span;  ///< contents of the store at the start, so that the export of a running agent ends
  std::int64_t since_us = std::numeric_limits<std::int64_t>::min();  ///< the first moment, wall clock
  std::int64_t until_us = std::numeric_limits<std::int64_t>::max();  ///< the moment after the last
  std::vector<AddedLabel> labels;

  [[nodiscard]] bool selects(const store::Row& row) const {
    return row.wall_us >= since_us && row.wall_us < until_us;
  }
};

/// Counts of what an export left out.
struct Losses {
  std::uint64_t damaged_sets = 0;          ///< with a wrong checksum
  std::uint64_t readings_in_the_past = 0;  ///< not later than the reading before: the wall clock went back
};

/// Passes the selected sets to `see`, in chunks, in the order of seq, until `see` returns false. Calls
/// `wanted` before it decodes a row. Returns the number of damaged sets.
[[nodiscard]] Result<std::uint64_t> walk(
    const Job& job, const std::function<bool(const store::Row&)>& wanted,
    const std::function<bool(const std::vector<store::Reader::Item>&)>& see);

/// A whole export, set by set: `append` appends the lines of one set to job.out.
[[nodiscard]] Result<Losses> export_each(const Job& job,
                                         const std::function<void(const store::Reader::Item&)>& append);

}  // namespace flopwatt::commands
