// When a unit that did not answer is asked again. Pure: the caller brings time and chance.
//
//   silent (timeout, or exception 11 of a gateway)
//              left alone for a doubled time with every failure in a row; from the third on it is
//              quarantined: at most one attempt a minute, which waits no longer than short_timeout().
//              A unit that has its line for itself hurts nobody: it is quarantined when its wait has grown to
//              the minute.
//   exceptions 1, 2, 3 and 10 for all that was asked, no device of the kind wanted
//              somebody has to change a setting: half a minute to a minute
//   anything else
//              left alone for a doubled time, at most a minute
//
// (facts: modbus, sections 4 and 5)
#pragma once

#include <chrono>

#include "drivers/modbus/wire/backoff.h"
#include "readings/fault.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

class UnitHealth {
 public:
  /// `interval`: between two polls of the unit.
  explicit UnitHealth(std::chrono::microseconds interval)
      : interval_(interval), backoff_(backoff_from(interval)) {}

  /// It gave an answer that can be used.
  void answered();

  /// A poll failed. `shares_line`: other units wait while this one does not answer. `chance` in [0, 1).
  void failed(const Fault& fault, SteadyTime now, bool shares_line, double chance);

  [[nodiscard]] bool failing() const { return failing_; }
  [[nodiscard]] bool quarantined() const { return quarantined_; }

  /// The earliest moment of the next attempt; of no meaning unless failing().
  [[nodiscard]] SteadyTime retry_at() const { return retry_at_; }

  /// Whether short_timeout() is enough for the next attempt. Each fifth one waits in full: the unit may have
  /// become slower.
  [[nodiscard]] bool attempt_is_short() const { return quarantined_ && silences_ % 5 != 0; }

 private:
  std::chrono::microseconds interval_;
  Backoff backoff_;
  bool failing_ = false;
  bool quarantined_ = false;
  unsigned silences_ = 0;  // in a row
  SteadyTime retry_at_{};
};

/// Whether the unit said nothing at all; what a gateway says of it counts for that.
[[nodiscard]] bool is_silence(const Fault& fault);

}  // namespace flopwatt::modbus
