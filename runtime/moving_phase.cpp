#include "runtime/moving_phase.h"

#include <algorithm>
#include <cstdlib>

#include "runtime/schedule.h"

namespace flopwatt {
namespace {

using std::chrono::microseconds;

constexpr int farthest = 3;          // parts from one beat to the next
constexpr std::int64_t fewest = 25;  // slots of an interval: parts of two or three

// SplitMix64: every bit of the result depends on every bit of `value`.
std::uint64_t scrambled(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

// Chance that is the same in each process: the parts of a block, and the place within a part.
std::uint64_t chance_of_block(std::int64_t block) { return scrambled(static_cast<std::uint64_t>(block)); }
std::uint64_t chance_of_beat(std::int64_t beat) { return scrambled(~static_cast<std::uint64_t>(beat)); }

std::int64_t rounded_down(std::int64_t value, std::int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

// Walks from `order[0]` over all parts, as `chance` wants; false where it gets stuck.
template <std::size_t Parts>
bool walk(std::array<std::uint8_t, Parts>& order, std::uint64_t chance) {
  std::array<bool, Parts> visited{};
  visited[order[0]] = true;
  for (std::size_t step = 1; step < Parts; ++step) {
    std::array<std::uint8_t, Parts> near{};
    std::size_t count = 0;
    for (std::size_t part = 0; part < Parts; ++part)
      if (!visited[part] && std::abs(static_cast<int>(part) - order[step - 1]) <= farthest)
        near[count++] = static_cast<std::uint8_t>(part);
    if (count == 0) return false;
    chance = scrambled(chance);
    order[step] = near[chance % count];
    visited[order[step]] = true;
  }
  return true;
}

}  // namespace

// The first part of each block is drawn by itself, so that a block can end near the start of the next one
// without knowing the rest of it. About one walk in six ends there; there is one for each pair of ends.
std::array<std::uint8_t, MovingPhase::parts> MovingPhase::order_of(std::int64_t block) {
  const auto first_of = [](std::int64_t one) {
    return static_cast<std::uint8_t>(chance_of_block(one) % parts);
  };
  const int next = first_of(block + 1);
  std::array<std::uint8_t, parts> order{first_of(block)};
  for (std::uint64_t chance = chance_of_block(block);; chance = scrambled(chance))
    if (walk(order, chance) && std::abs(order.back() - next) <= farthest) return order;
}

microseconds MovingPhase::of(std::int64_t beat, microseconds period) {
  const std::int64_t block = rounded_down(beat, parts);
  if (block_ != block) {
    order_ = order_of(block);
    block_ = block;
  }
  const microseconds width = slot_width;
  const std::int64_t slots = std::max(fewest, (period.count() + width.count() - 1) / width.count());
  const std::int64_t part = order_.at(static_cast<std::size_t>(beat - block * parts));
  const std::int64_t first = part * slots / parts, end = (part + 1) * slots / parts;
  const auto place =
      static_cast<std::int64_t>(chance_of_beat(beat) % static_cast<std::uint64_t>(end - first));
  return period * (first + place) / slots;
}

}  // namespace flopwatt
