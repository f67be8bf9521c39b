// Due times of polls: multiples of the period on the monotonic clock, shifted by the slot of the bus. The
// schedule is absolute: a late poll does not shift the next one. Buses of one slot wake together, which costs
// a fraction of separate wake-ups.
#pragma once

#include <chrono>
#include <cstdint>

namespace flopwatt {

using SteadyTime = std::chrono::steady_clock::time_point;

inline constexpr std::chrono::milliseconds slot_width{20};
inline constexpr unsigned slots_per_second = 50;

/// Offset of the slot of a bus. Accelerators are in slot 0; buses are spread over the other slots.
[[nodiscard]] constexpr std::chrono::milliseconds slot_offset(std::size_t bus_number) {
  return slot_width * (1 + static_cast<int>(bus_number % (slots_per_second - 1)));
}

/// The beats of one source.
class Schedule {
 public:
  /// `period` > 0. The first beat is at or after `from`.
  Schedule(std::chrono::microseconds period, std::chrono::microseconds offset, SteadyTime from);

  [[nodiscard]] SteadyTime due() const { return due_; }

  /// Moves to the first beat after `now`. Returns the number of beats passed over, normally 0.
  std::uint64_t advance(SteadyTime now);

 private:
  std::chrono::microseconds period_;
  SteadyTime due_;
};

}  // namespace flopwatt
