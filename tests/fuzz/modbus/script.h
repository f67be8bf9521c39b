// What the fuzz targets of Modbus framing share: an input read as a script, and all that is done with the
// registers of an answer.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

#include "drivers/modbus/registers/decode.h"
#include "readings/reading_set.h"

namespace fuzz {

inline void require(bool held) {
  if (!held) std::abort();
}

class Script {
 public:
  explicit Script(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ended() const { return bytes_.empty(); }

  std::uint8_t next() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  std::vector<std::uint8_t> take(std::size_t count) {
    count = std::min(count, bytes_.size());
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// Every type in every order of words, from the beginning of the registers.
inline void decode_all(std::span<const std::uint8_t> registers, std::uint16_t count) {
  using namespace flopwatt;
  constexpr std::pair<Wire, std::size_t> wires[] = {{Wire::u16, 1}, {Wire::i16, 1}, {Wire::u32, 2},
                                                    {Wire::i32, 2}, {Wire::u64, 4}, {Wire::i64, 4},
                                                    {Wire::f32, 2}, {Wire::f64, 4}};
  require(registers.size() == std::size_t{2} * count);
  for (const auto& [wire, width] : wires) {
    for (const WordOrder order : {WordOrder::big, WordOrder::little}) {
      if (width > count) continue;
      Register reg;
      reg.wire = wire;
      reg.word_order = order;
      const double value = modbus::value_of(modbus::decode_raw(registers.first(2 * width), reg), reg, 1);
      require(!is_known(value) || std::isfinite(value));
    }
  }
}

}  // namespace fuzz
