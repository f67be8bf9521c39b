// When a unit whose poll failed is polled again. Pure: the caller brings time and chance.
//
//   silent         The wait doubles with every failure in a row. After the third one the unit is quarantined:
//                  at most one attempt a minute, which waits no longer than short_timeout(). A unit that has
//                  its line for itself delays no other unit: it is quarantined once it waits for a minute.
//   misconfigured  The wait is half a minute to a minute.
//   failing        The wait doubles with every failure in a row, up to a minute.
//
// (facts: modbus, sections 4 and 5)
#pragma once

#include <chrono>

#include "drivers/modbus/wire/backoff.h"
#include "drivers/modbus/wire/exceptions.h"
#include "readings/fault.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// What a poll that failed with `fault` says about its unit.
[[nodiscard]] UnitState state_after(const Fault& fault);

class UnitHealth {
 public:
  /// `interval`: from one poll of the unit to the next.
  explicit UnitHealth(std::chrono::microseconds interval)
      : interval_(interval), backoff_(backoff_from(interval)) {}

  /// A poll brought a reading set.
  void answered();

  /// A poll failed. `shares_line`: other units wait while this one does not answer. `chance` is in [0, 1).
  void failed(UnitState state, SteadyTime now, bool shares_line, double chance);

  [[nodiscard]] bool failing() const { return failing_; }
  [[nodiscard]] bool quarantined() const { return quarantined_; }

  /// The earliest moment of the next attempt. Has no meaning unless failing().
  [[nodiscard]] SteadyTime retry_at() const { return retry_at_; }

  /// Whether the next attempt waits for short_timeout() only. Each fifth attempt waits in full, since the
  /// unit may have become slower.
  [[nodiscard]] bool attempt_is_short() const { return quarantined_ && silences_ % 5 != 0; }

 private:
  std::chrono::microseconds interval_;
  Backoff backoff_;
  bool failing_ = false;
  bool quarantined_ = false;
  // Polls in a row that the unit left unanswered.
  unsigned silences_ = 0;
  SteadyTime retry_at_{};
};

}  // namespace flopwatt::modbus
