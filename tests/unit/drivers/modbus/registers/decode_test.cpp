#include "drivers/modbus/registers/decode.h"

#include <doctest/doctest.h>
#include <modbus/modbus.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "readings/reading_set.h"

using namespace flopwatt;
using namespace flopwatt::modbus;

namespace {

std::vector<std::uint8_t> bytes_of(const std::vector<std::uint16_t>& words) {
  std::vector<std::uint8_t> bytes;
  for (const std::uint16_t word : words) {
    bytes.push_back(static_cast<std::uint8_t>(word >> 8));
    bytes.push_back(static_cast<std::uint8_t>(word));
  }
  return bytes;
}

double raw(const std::vector<std::uint16_t>& words, const Register& reg) {
  REQUIRE(words.size() == reg.width());
  return decode_raw(bytes_of(words), reg);
}

double decoded(const std::vector<std::uint16_t>& words, Wire wire, WordOrder order = WordOrder::big,
               double scale = 1) {
  Register reg;
  reg.wire = wire;
  reg.word_order = order;
  reg.scale = scale;
  return value_of(raw(words, reg), reg, 1);
}

double factor(const std::vector<std::uint16_t>& words, const ScaleRegister& scale) {
  REQUIRE(words.size() == scale.width());
  return decode_factor(bytes_of(words), scale);
}

double exponent(int value) { return factor({static_cast<std::uint16_t>(value)}, {}); }

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
  CHECK(decoded({2301}, Wire::u16, WordOrder::big, 0.1) == 230.1);
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

TEST_CASE("bits that this meter has for not available") {
  Register reg;
  reg.wire = Wire::i16;
  reg.scale = 0.001;
  reg.unavailable = {2000, 0xFFFE};
  CHECK_FALSE(is_known(raw({2000}, reg)));
  CHECK_FALSE(is_known(raw({0xFFFE}, reg)));  // bits, not the number
  CHECK(raw({1999}, reg) == 1999);
  CHECK(raw({0xFFFD}, reg) == -3);
  CHECK_FALSE(is_known(raw({0x7FFF}, reg)));  // the usual ones stay
  reg.wire = Wire::u32;
  reg.word_order = WordOrder::little;
  reg.unavailable = {0x12345678};
  CHECK_FALSE(is_known(raw({0x5678, 0x1234}, reg)));
  CHECK(raw({0x1234, 0x5678}, reg) == 0x56781234);
  reg.wire = Wire::f32;
  reg.unavailable = {0};
  CHECK_FALSE(is_known(raw({0, 0}, reg)));
  CHECK(raw({0, 0x3F80}, reg) == 1);
}

TEST_CASE("two words of four decimal digits") {
  Register reg;
  reg.wire = Wire::u32;
  reg.encoding = Encoding::modulo_10000;
  CHECK(raw({12, 3456}, reg) == 123'456);
  CHECK(raw({9999, 9999}, reg) == 99'999'999);
  CHECK(raw({0, 0}, reg) == 0);
  CHECK_FALSE(is_known(raw({10000, 0}, reg)));
  CHECK_FALSE(is_known(raw({0, 10000}, reg)));
  CHECK_FALSE(is_known(raw({0xFFFF, 0xFFFF}, reg)));
  reg.word_order = WordOrder::little;
  CHECK(raw({3456, 12}, reg) == 123'456);
  reg.unavailable = {0x270F'270F};  // 9999 9999
  CHECK_FALSE(is_known(raw({9999, 9999}, reg)));
}

TEST_CASE("exponents from -10 to 10") {
  CHECK(exponent(0) == 1);
  CHECK(exponent(3) == 1000);
  CHECK(exponent(-1) == 0.1);
  CHECK(exponent(10) == 1e10);
  CHECK(exponent(-10) == 1e-10);
  CHECK_FALSE(is_known(exponent(11)));
  CHECK_FALSE(is_known(exponent(-11)));
  CHECK_FALSE(is_known(exponent(-32768)));  // SunSpec: not implemented
  ScaleRegister wide;
  wide.wire = Wire::i32;
  wide.word_order = WordOrder::little;
  CHECK(factor({0xFFFE, 0xFFFF}, wide) == 0.01);
  CHECK_FALSE(is_known(factor({0, 1}, wide)));  // 65536
}

TEST_CASE("factors, as the transformer ratios are") {
  ScaleRegister ratio;
  ratio.use = ScaleRegister::Use::factor;
  ratio.wire = Wire::u16;
  CHECK(factor({400}, ratio) == 400);
  CHECK_FALSE(is_known(factor({0xFFFF}, ratio)));
  CHECK_FALSE(is_known(factor({0}, ratio)));
  ratio.scale = 0.1;
  CHECK(factor({2301}, ratio) == 230.1);
  ratio.wire = Wire::f32;
  ratio.scale = 1;
  CHECK(factor({0x3FC0, 0}, ratio) == 1.5);
  CHECK_FALSE(is_known(factor({0x7FC0, 0}, ratio)));
}

TEST_CASE("divisors by their place in the list") {
  ScaleRegister choice;
  choice.use = ScaleRegister::Use::divisors;
  choice.wire = Wire::u16;
  choice.divisors = {10000, 1000, 100, 10};
  CHECK(factor({0}, choice) == 1e-4);
  CHECK(factor({3}, choice) == 0.1);
  CHECK_FALSE(is_known(factor({4}, choice)));
  CHECK_FALSE(is_known(factor({0xFFFF}, choice)));
  choice.wire = Wire::i16;
  CHECK_FALSE(is_known(factor({0xFFFF}, choice)));  // -1
}

TEST_CASE("a scaled value is the decimal number that the meter means") {
  Register reg;
  reg.wire = Wire::u16;
  CHECK(value_of(2301, reg, exponent(-1)) == 230.1);
  CHECK(value_of(2301, reg, exponent(-3)) == 2.301);
  CHECK(value_of(2301, reg, exponent(2)) == 230'100);
  reg.scale = 0.1;  // and the meter's own factor, the unit's step, or both
  CHECK(value_of(2301, reg, exponent(-1)) == 23.01);
  CHECK(value_of(2301, reg, exponent(-1) * exponent(-1)) == 2.301);
  reg.scale = 1000;
  CHECK(value_of(2301, reg, exponent(-4)) == 230.1);
  CHECK(value_of(2301, reg, exponent(-1)) == 230'100);
  // No pair of decimal steps is off by a bit.
  for (int step = -6; step <= 6; ++step) {
    for (int power = -10; power <= 10; ++power) {
      reg.scale = exponent(step);
      const double meant = step + power < 0
                               ? 2301 / std::strtod(("1e" + std::to_string(-step - power)).c_str(), nullptr)
                               : 2301 * std::strtod(("1e" + std::to_string(step + power)).c_str(), nullptr);
      CHECK(value_of(2301, reg, exponent(power)) == meant);
    }
  }
  reg.scale = 0.3;  // nothing is rounded to what it is not
  CHECK(value_of(10, reg, 0.5) == 1.5);
  CHECK(value_of(10, reg, 1.0 / 3) == doctest::Approx(1));
}

TEST_CASE("no value without its number, its factor, or a finite result") {
  Register reg;
  CHECK_FALSE(is_known(value_of(absent, reg, 1)));
  CHECK_FALSE(is_known(value_of(1, reg, absent)));
  reg.scale = 1e300;
  CHECK_FALSE(is_known(value_of(1e10, reg, 1)));
}

TEST_CASE("the largest and the smallest number are no floating value") {
  CHECK(unknown({0x7F7F, 0xFFFF}, Wire::f32));
  CHECK(unknown({0xFF7F, 0xFFFF}, Wire::f32));
  CHECK(unknown({0x7FEF, 0xFFFF, 0xFFFF, 0xFFFF}, Wire::f64));
  CHECK(unknown({0xFFEF, 0xFFFF, 0xFFFF, 0xFFFF}, Wire::f64));
  CHECK(is_known(decoded({0x7F7F, 0xFFFE}, Wire::f32)));
}

TEST_CASE("a power factor well above one is in per cent, one slightly above is rounded") {
  Register reg;
  reg.percent_above_one = true;
  CHECK(value_of(98, reg, 1) == 0.98);
  CHECK(value_of(-98, reg, 1) == -0.98);
  CHECK(value_of(100, reg, 1) == 1);
  CHECK(value_of(1, reg, 1) == 1);
  CHECK(value_of(1001, reg, exponent(-3)) == 1.001);
  CHECK(value_of(-1000, reg, exponent(-3)) == -1);
  CHECK(value_of(0, reg, 1) == 0);
  reg.percent_above_one = false;
  CHECK(value_of(98, reg, 1) == 98);
}

TEST_CASE("a field is laid out so that its values are kept as they came") {
  Register reg;
  reg.channel = {Quantity::voltage, Place::l2, 0};
  reg.wire = Wire::u16;
  reg.scale = 0.1;
  reg.resolution = 0.5;
  CHECK(field_of(reg, 1) == Field{reg.channel, Wire::u16, 0.1, 0.5});
  CHECK(field_of(reg, 10) == Field{reg.channel, Wire::u16, 1, 5});
  CHECK(field_of(reg, exponent(-1)).scale == 0.01);
  for (const double factor : {1.0, 0.1, 1e-10, 40.0, 0.25})
    CHECK(held_value(2301, field_of(reg, factor).scale) == value_of(2301, reg, factor));
  reg.percent_above_one = true;  // its step is not that of the register
  CHECK(field_of(reg, 0.1).wire == Wire::f64);
  CHECK(field_of(reg, 0.1).scale == 1);
}

TEST_CASE("a difference has room for every difference") {
  const auto field_wire = [](Wire wire) {
    Register reg;
    reg.wire = wire;
    reg.minus = 2;
    return field_of(reg, 1).wire;
  };
  CHECK(field_wire(Wire::u16) == Wire::i32);
  CHECK(field_wire(Wire::i16) == Wire::i32);
  CHECK(field_wire(Wire::u32) == Wire::i64);
  CHECK(field_wire(Wire::i32) == Wire::i64);
  CHECK(field_wire(Wire::u64) == Wire::f64);
  CHECK(field_wire(Wire::i64) == Wire::f64);
  CHECK(field_wire(Wire::f32) == Wire::f64);
  CHECK(field_wire(Wire::f64) == Wire::f64);
}
