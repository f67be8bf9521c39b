// When one meter is polled. Pure: the caller brings the time.
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// The beats of a meter: moments one interval apart. A poll that begins late does not move the next beat. One
/// beat that came due in the meantime is polled at once, so that a neighbour's timeout costs lateness and not
/// a reading. Further beats are counted as skipped. The beats of a failing meter that is left alone are
/// neither polled nor counted as skipped.
class Beats {
 public:
  /// The first poll is due within a second of `from`, however long the interval.
  Beats(std::chrono::microseconds interval, std::chrono::microseconds offset, SteadyTime from);

  [[nodiscard]] SteadyTime due() const { return due_; }

  /// A good poll ended at `now`. Returns the number of skipped beats.
  std::uint64_t advance(SteadyTime now);

  /// The next poll is due at the first beat at or after `when`, and never at the beat just polled.
  void defer(SteadyTime when);

 private:
  std::chrono::microseconds interval_;
  Schedule schedule_;
  SteadyTime due_;
};

}  // namespace flopwatt::modbus
