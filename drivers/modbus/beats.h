// When one meter is polled. Pure: the caller brings the time.
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// The beats of a meter: one in each interval. A poll that begins late does not move the next beat. One beat
/// that came due in the meantime is polled at once, so that a neighbour's timeout costs lateness and not a
/// reading. Further beats are counted as skipped. Beats while a failing meter is left alone are neither
/// polled nor skipped.
class Beats {
 public:
  /// The first poll is due within 1.4 s of `from`, however long the interval.
  Beats(std::chrono::microseconds interval, std::chrono::microseconds offset, Pace pace, SteadyTime from);

  [[nodiscard]] SteadyTime due() const { return due_; }
  /// The number of the beat that is due next.
  [[nodiscard]] std::int64_t beat() const { return schedule_.beat(); }
  [[nodiscard]] Pace pace() const { return schedule_.pace(); }
  /// As Schedule::set_pace.
  void set_pace(Pace pace) { schedule_.set_pace(pace); }

  /// A good poll ended at `now`. Returns the number of skipped beats.
  std::uint64_t advance(SteadyTime now);

  /// The next poll is due at the first beat at or after `when`, and never at the beat just polled.
  void defer(SteadyTime when);

 private:
  Schedule schedule_;
  SteadyTime due_;
};

}  // namespace flopwatt::modbus
