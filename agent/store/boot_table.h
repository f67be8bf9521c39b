// The table `boot`, and the time of the log: a clock that runs on through steps of the wall clock and through
// reboots, so that the age limit never takes a new reading for an old one.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/store/database.h"
#include "agent/store/record.h"
#include "readings/reading_set.h"

namespace flopwatt::store {

/// The newest set that is stored, by the clocks.
struct Newest {
  std::int64_t wall_us = 0;
  std::int64_t log_us = 0;
};

class BootTable {
 public:
  /// `boot_uuid`: of the boot that runs now.
  BootTable(Database& database, std::string boot_uuid);

  /// The row of this boot; made at its first set, within a transaction. The log's time then goes on after
  /// `newest` by as much as the wall clock has, and not at all if that went back; without `newest` it begins
  /// with the wall clock.
  [[nodiscard]] std::int64_t current(Moment time, const Newest* newest);

  /// Log time in microseconds. A boot that has no row is damage.
  [[nodiscard]] std::int64_t log_us(BootTime time);

  void forget();

 private:
  Database& database_;
  std::string uuid_;
  std::int64_t current_ = 0;  ///< 0: not known yet
  std::map<std::int64_t, std::int64_t> origins_;
};

/// The kernel's name for the boot that runs now.
[[nodiscard]] Result<std::string> read_boot_uuid();

}  // namespace flopwatt::store
