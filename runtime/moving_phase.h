// Where in its interval a beat lies. A phase that stays sees a load whose period is near the interval, or a
// fraction of it, at one moment of its period only: energy from power was 67 % off. So the phase moves.
//
// The interval has ten parts. Ten beats in a row, a block, visit each part once, in an order of chance; the
// place within the part is of chance, too. Any 19 beats hold a whole block, which leaves no hole of a fifth
// of the interval. Neighbours in the order are at most three parts apart, so that two beats in a row are more
// than 0.6 and less than 1.4 intervals apart.
//
// The order is of chance and no rotation by an irrational step: such a rotation (golden ratio) has holes as
// small, but moments at 0.618 and 1.618 intervals have a pattern of their own. A load whose period fits it,
// 0.567 intervals say, is still seen at one moment of its period. Chance leaves noise, which readings show.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace flopwatt {

/// A pure function of the number of the beat, with the block looked at last kept: all sources of one interval
/// move together, and so wake the program together.
class MovingPhase {
 public:
  /// How much later than its multiple of `period` the beat is due: from 0 to less than the period, in whole
  /// slots. A slot is slot_width, or less where the period is no multiple of it or has fewer than 25 slots.
  [[nodiscard]] std::chrono::microseconds of(std::int64_t beat, std::chrono::microseconds period);

 private:
  static constexpr std::int64_t parts = 10;

  [[nodiscard]] static std::array<std::uint8_t, parts> order_of(std::int64_t block);

  std::optional<std::int64_t> block_;
  std::array<std::uint8_t, parts> order_{};  // of block_
};

}  // namespace flopwatt
