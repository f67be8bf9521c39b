// When a meter is polled.
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// A poll that began late does not shift the next one. One beat that came due meanwhile is made up for at
/// once, so that a neighbour's timeout costs lateness, not a reading; more than that are passed over and
/// counted as skipped. A meter that fails is left alone for a growing time: those beats are neither polled
/// nor skipped.
class Beats {
 public:
  /// The first poll is due within a second of `from`, however long the interval.
  Beats(std::chrono::microseconds interval, std::chrono::microseconds offset, SteadyTime from);

  [[nodiscard]] SteadyTime due() const { return due_; }

  /// The poll was good and ended at `now`; returns how many beats were skipped.
  std::uint64_t advance(SteadyTime now);

  /// The next poll is due at the first beat at or after `when` (and never at the one just polled).
  void defer(SteadyTime when);

 private:
  std::chrono::microseconds interval_;
  Schedule schedule_;
  SteadyTime due_;
};

}  // namespace flopwatt::modbus
