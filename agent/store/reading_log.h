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

  /// Calls `see` for up to `limit` rows of the span, ascending also in a damaged file, until it returns
  /// false. The data is valid during the call.
  void read(Span span, std::uint64_t limit,
            const std::function<bool(const Row&, std::span<const std::uint8_t>)>& see);

  /// The seq of the newest row, whole or not; nullopt: none.
  [[nodiscard]] std::optional<std::uint64_t> newest_seq();

  /// A row that is as it was written.
  struct WholeRow {
    Row row;
    BootTime time;
  };
  /// The newest whole row at or below `seq`; nullopt: none. What an unreadable row had in it counts to the
  /// whole one above it.
  [[nodiscard]] std::optional<WholeRow> newest_whole(std::uint64_t seq);

  void remove_through(std::uint64_t seq);
  void remove_from(std::uint64_t seq);

 private:
  Statement insert_, select_, newest_, down_, remove_through_;
  Database& database_;
};

}  // namespace flopwatt::store
