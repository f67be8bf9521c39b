// The table `reading_set`: rows of ascending seq, appended at the end, removed from the beginning.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "agent/store/database.h"
#include "agent/store/record.h"
#include "agent/store/span.h"

namespace flopwatt::store {

class ReadingLog {
 public:
  explicit ReadingLog(Database& database);

  void append(const Row& row, std::span<const std::uint8_t> data);

  /// Calls `see` for up to `limit` rows of the span, ascending, until it returns false. The data is valid
  /// during the call.
  void read(Span span, std::uint64_t limit,
            const std::function<bool(const Row&, std::span<const std::uint8_t>)>& see);

  /// The newest row, without its data; nullopt: none.
  [[nodiscard]] std::optional<Row> newest();

  /// Number of readings up to and including `seq`, from the newest row at or below `seq`;
  /// nullopt: no such row.
  [[nodiscard]] std::optional<std::uint64_t> total_through(std::uint64_t seq);

  void remove_through(std::uint64_t seq);
  void remove_from(std::uint64_t seq);

 private:
  Statement insert_, select_, newest_, total_, remove_through_;
  Database& database_;
};

}  // namespace flopwatt::store
