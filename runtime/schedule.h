// Due times of polls: on the monotonic clock, one in each period, shifted by the slot of the bus. Beat n is
// due in the period that begins at n x period, at its start (steady) or at a moment of it that moves from
// beat to beat (see moving_phase.h). The schedule is absolute: a late poll does not shift the next one. Buses
// of one slot wake together, which costs a fraction of separate wake-ups; buses of one period move together.
#pragma once

#include <chrono>
#include <cstdint>

#include "runtime/moving_phase.h"

namespace flopwatt {

using SteadyTime = std::chrono::steady_clock::time_point;

inline constexpr std::chrono::milliseconds slot_width{20};
inline constexpr unsigned slots_per_second = 50;

/// Offset of the slot of a bus. Accelerators are in slot 0; buses are spread over the other slots.
[[nodiscard]] constexpr std::chrono::milliseconds slot_offset(std::size_t bus_number) {
  return slot_width * (1 + static_cast<int>(bus_number % (slots_per_second - 1)));
}

enum class Pace : std::uint8_t {
  steady,  ///< beats are one period apart
  moving,  ///< more than 0.6 and less than 1.4 periods
};

/// Moving beats of one source are farther apart than that.
[[nodiscard]] constexpr std::chrono::microseconds least_distance(std::chrono::microseconds period) {
  return period * 6 / 10;
}

/// The beats of one source.
class Schedule {
 public:
  /// `period` > 0. The first beat is at or after `from`.
  Schedule(std::chrono::microseconds period, std::chrono::microseconds offset, Pace pace, SteadyTime from);

  [[nodiscard]] SteadyTime due() const { return due_; }
  /// Its number since the clock began.
  [[nodiscard]] std::int64_t beat() const { return beat_; }
  [[nodiscard]] Pace pace() const { return pace_; }

  /// The beat that is due stays; those after it have that pace.
  void set_pace(Pace pace) { pace_ = pace; }

  /// Moves to the first beat after `now`. Returns the number of beats passed over, normally 0.
  std::uint64_t advance(SteadyTime now);

  /// Moves to the next beat, or to the newest one that is due at `now`. Returns the number passed over.
  std::uint64_t catch_up(SteadyTime now);

 private:
  [[nodiscard]] SteadyTime due_of(std::int64_t beat);
  /// The first beat after beat_ that is due after `now`.
  [[nodiscard]] std::int64_t first_after(SteadyTime now);
  std::uint64_t move_to(std::int64_t beat);

  std::chrono::microseconds period_, offset_;
  Pace pace_;
  MovingPhase phase_;
  std::int64_t beat_;
  SteadyTime due_;
};

}  // namespace flopwatt
