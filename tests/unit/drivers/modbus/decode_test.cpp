#include "drivers/modbus/decode.h"

#include <doctest/doctest.h>
#include <modbus/modbus.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "readings/reading_set.h"

using namespace flopwatt;
using namespace flopwatt::modbus;

namespace {

double decoded(const std::vector<std::uint16_t>& words, Wire wire, WordOrder order = WordOrder::big,
               double scale = 1) {
  Register reg;
  reg.wire = wire;
  reg.word_order = order;
  reg.scale = scale;
  std::vector<std::uint8_t> bytes;
  for (const std::uint16_t word : words) {
    bytes.push_back(static_cast<std::uint8_t>(word >> 8));
    bytes.push_back(static_cast<std::uint8_t>(word));
  }
  REQUIRE(bytes.size() == std::size_t{2} * reg.width());
  return value_of(decode_raw(bytes, reg), reg, 1);
}

bool unknown(const std::vector<std::uint16_t>& words, Wire wire) {
  // Scaled, a sentinel would look like a value.
  return !is_known(decoded(words, wire)) && !is_known(decoded(words, wire, WordOrder::big, 0.1));
}

}  // namespace

TEST_CASE("integers") {
  CHECK(decoded({0x1234}, Wire::u16) == 0x1234);
  CHECK(decoded({0x8000}, Wire::u16) == 32768);
  CHECK(decoded({0x7FFF}, Wire::u16) == 32767);
  CHECK(decoded({0xFFFF}, Wire::i16) == -1);
  CHECK(decoded({0x8001}, Wire::i16) == -32767);
  CHECK(decoded({0x1234, 0x5678}, Wire::u32) == 0x12345678);
  CHECK(decoded({0x5678, 0x1234}, Wire::u32, WordOrder::little) == 0x12345678);
  CHECK(decoded({0xFFFF, 0xFFFE}, Wire::i32) == -2);
  CHECK(decoded({0, 0, 0x0001, 0x86A0}, Wire::u64) == 100'000);
  CHECK(decoded({0x86A0, 0x0001, 0, 0}, Wire::i64, WordOrder::little) == 100'000);
  CHECK(decoded({0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, Wire::i64) == -1);
  CHECK(decoded({0}, Wire::u16) == 0);
}

TEST_CASE("the scale leads to the held unit") {
  CHECK(decoded({2301}, Wire::u16, WordOrder::big, 0.1) == doctest::Approx(230.1));
  CHECK(decoded({0, 1500}, Wire::u32, WordOrder::big, 1000) == 1'500'000);
}

TEST_CASE("floats as libmodbus writes them") {
  const std::vector<float> samples = {0.0F, -1.5F, 230.125F, 1.0e-20F, 3.4e38F, -0.001F};
  for (const float sample : samples) {
    std::vector<std::uint16_t> words(2);
    modbus_set_float(sample,
                     words.data());  // low word first (its _abcd of 3.1.6 swaps bytes on this machine)
    CHECK(decoded(words, Wire::f32, WordOrder::little) == static_cast<double>(sample));
    std::swap(words[0], words[1]);
    CHECK(decoded(words, Wire::f32) == static_cast<double>(sample));
  }
}

TEST_CASE("wide integers as libmodbus writes them") {
  const std::int64_t wide = -1'234'567'890'123;
  std::array<std::int64_t, 4> parts{};  // the macros store more than 16 bits
  MODBUS_SET_INT64_TO_INT16(parts.data(), 0, wide);
  std::vector<std::uint16_t> words;
  for (const std::int64_t part : parts) words.push_back(static_cast<std::uint16_t>(part));
  CHECK(decoded(words, Wire::i64) == static_cast<double>(wide));
  std::ranges::reverse(words);
  CHECK(decoded(words, Wire::i64, WordOrder::little) == static_cast<double>(wide));

  const std::int32_t narrow = -123'456'789;
  MODBUS_SET_INT32_TO_INT16(parts.data(), 0, narrow);
  words = {static_cast<std::uint16_t>(parts[0]), static_cast<std::uint16_t>(parts[1])};
  CHECK(decoded(words, Wire::i32) == narrow);
}

TEST_CASE("doubles") {
  CHECK(decoded({0x3FF8, 0, 0, 0}, Wire::f64) == 1.5);
  CHECK(decoded({0, 0, 0, 0x3FF8}, Wire::f64, WordOrder::little) == 1.5);
}

TEST_CASE("all bits one is no unsigned value") {
  CHECK(unknown({0xFFFF}, Wire::u16));
  CHECK(unknown({0xFFFF, 0xFFFF}, Wire::u32));
  CHECK(unknown({0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, Wire::u64));
  CHECK(is_known(decoded({0xFFFE}, Wire::u16)));
}

TEST_CASE("the largest and the smallest number are no signed value") {
  CHECK(unknown({0x7FFF}, Wire::i16));
  CHECK(unknown({0x8000}, Wire::i16));
  CHECK(unknown({0x7FFF, 0xFFFF}, Wire::i32));
  CHECK(unknown({0x8000, 0}, Wire::i32));
  CHECK(unknown({0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF}, Wire::i64));
  CHECK(unknown({0x8000, 0, 0, 0}, Wire::i64));
}

TEST_CASE("no number, infinite, and what only a wrong word order gives, are no float") {
  CHECK(unknown({0x7FC0, 0}, Wire::f32));
  CHECK(unknown({0xFFC0, 0}, Wire::f32));
  CHECK(unknown({0x7F80, 0}, Wire::f32));
  CHECK(unknown({0xFF80, 0}, Wire::f32));
  CHECK(unknown({0, 0x4366}, Wire::f32));  // 230 V with its words swapped: a denormal
  CHECK(unknown({0x7FF8, 0, 0, 0}, Wire::f64));
  CHECK(unknown({0x7FF0, 0, 0, 0}, Wire::f64));
  CHECK(unknown({0, 0, 0, 1}, Wire::f64));
  CHECK(decoded({0, 0}, Wire::f32) == 0);
  CHECK(decoded({0x8000, 0}, Wire::f32) == 0);
}

TEST_CASE("what scaling makes infinite is no value") {
  CHECK_FALSE(is_known(decoded({0x7FE0, 0, 0, 0}, Wire::f64, WordOrder::big, 1e10)));
}
