// The table `boot`, and log time: a clock that continues through steps of the wall clock and through reboots,
// so that the age limit never takes a new reading for an old one.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/store/database.h"
#include "agent/store/record.h"
#include "readings/reading_set.h"

namespace flopwatt::store {

/// Times of the newest stored set.
struct Newest {
  std::int64_t wall_us = 0;
  std::int64_t log_us = 0;
};

class BootTable {
 public:
  /// `boot_uuid`: of the current boot.
  BootTable(Database& database, std::string boot_uuid);

  /// The row of this boot, made at its first set. Call within a transaction. From `newest` to the first set
  /// of a new boot log time advances as the wall clock did, or by 0 if the wall clock went back. Without
  /// `newest` log time begins with the wall clock.
  [[nodiscard]] std::int64_t current(Moment time, const Newest* newest);

  /// Log time in microseconds. A boot without a row marks the database as damaged.
  [[nodiscard]] std::int64_t log_us(BootTime time);

  void forget();

 private:
  Database& database_;
  std::string uuid_;
  std::int64_t current_ = 0;  ///< 0: not known yet
  std::map<std::int64_t, std::int64_t> origins_;
};

/// The kernel's id of the current boot.
[[nodiscard]] Result<std::string> read_boot_uuid();

}  // namespace flopwatt::store
