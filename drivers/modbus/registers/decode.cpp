#include "drivers/modbus/registers/decode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "drivers/modbus/wire/mbap.h"
#include "readings/reading_set.h"

namespace flopwatt::modbus {
namespace {

// The words in the order of their weight, most significant first.
std::uint64_t bits_of(std::span<const std::uint8_t> bytes, WordOrder order) {
  std::uint64_t bits = 0;
  const std::size_t words = bytes.size() / 2;
  for (std::size_t i = 0; i < words; ++i) {
    const std::size_t word = order == WordOrder::big ? i : words - 1 - i;
    bits = bits << 16 | big_endian_u16(bytes.subspan(2 * word).first<2>());
  }
  return bits;
}

template <class Unsigned>
double unsigned_value(std::uint64_t bits) {
  const auto raw = static_cast<Unsigned>(bits);
  return raw == std::numeric_limits<Unsigned>::max() ? absent : static_cast<double>(raw);
}

template <class Signed>
double signed_value(std::uint64_t bits) {
  const auto raw = static_cast<Signed>(bits);  // C++20 defines the cast as two's complement
  if (raw == std::numeric_limits<Signed>::max() || raw == std::numeric_limits<Signed>::min()) return absent;
  return static_cast<double>(raw);
}

template <class Floating>
double floating_value(Floating raw) {
  constexpr double smallest = 1e-30;
  const double value = raw;
  const bool is_mark = !std::isfinite(raw) || std::abs(raw) == std::numeric_limits<Floating>::max();
  return is_mark || (value != 0 && std::abs(value) < smallest) ? absent : value;
}

double raw_value(std::uint64_t bits, Wire wire) {
  switch (wire) {
    case Wire::u16:
      return unsigned_value<std::uint16_t>(bits);
    case Wire::i16:
      return signed_value<std::int16_t>(bits);
    case Wire::u32:
      return unsigned_value<std::uint32_t>(bits);
    case Wire::i32:
      return signed_value<std::int32_t>(bits);
    case Wire::u64:
      return unsigned_value<std::uint64_t>(bits);
    case Wire::i64:
      return signed_value<std::int64_t>(bits);
    case Wire::f32:
      return floating_value(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case Wire::f64:
      return floating_value(std::bit_cast<double>(bits));
    case Wire::u8:
      break;  // registers have 16 bits or more
  }
  return absent;
}

double modulo_10000(std::uint64_t bits) {
  const std::uint64_t high = bits >> 16;
  const std::uint64_t low = bits & 0xFFFF;
  if (high > 9999 || low > 9999) return absent;
  return static_cast<double>(high * 10000 + low);
}

// The nearest double to each; std::pow need not be exact.
double power_of_ten(int exponent) {
  constexpr std::array<double, 11> powers = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10};
  const double power = powers.at(static_cast<std::size_t>(std::abs(exponent)));
  return exponent < 0 ? 1 / power : power;
}

// The two scales as one. The product of two decimal ones is off by a bit where the decimal number that is
// meant is not (0.1 * 0.1): where that is 1/n or n, it is taken.
double product(double scale, double factor) {
  if (factor == 1) return scale;
  const double together = scale * factor;
  if (!std::isfinite(together) || together == 0) return together;
  constexpr double bits = 4 * std::numeric_limits<double>::epsilon();
  const auto nearest = [&](double meant) {
    return std::abs(meant - together) <= bits * std::abs(together) ? meant : together;
  };
  return std::abs(together) < 1 ? nearest(1 / std::nearbyint(1 / together))
                                : nearest(std::nearbyint(together));
}

// A difference needs a sign and one bit more.
Wire field_wire(const Register& reg) {
  if (reg.percent_above_one) return Wire::f64;
  if (!reg.minus) return reg.wire;
  switch (reg.wire) {
    case Wire::u16:
    case Wire::i16:
      return Wire::i32;
    case Wire::u32:
    case Wire::i32:
      return Wire::i64;
    default:
      return Wire::f64;
  }
}

}  // namespace

double decode_raw(std::span<const std::uint8_t> bytes, const Register& reg) {
  const std::uint64_t bits = bits_of(bytes, reg.word_order);
  if (std::ranges::find(reg.unavailable, bits) != reg.unavailable.end()) return absent;
  if (reg.encoding == Encoding::modulo_10000) return modulo_10000(bits);
  return raw_value(bits, reg.wire);
}

double decode_factor(std::span<const std::uint8_t> bytes, const ScaleRegister& scale) {
  const double raw = raw_value(bits_of(bytes, scale.word_order), scale.wire);
  if (!is_known(raw)) return absent;
  switch (scale.use) {
    case ScaleRegister::Use::factor:
      return raw != 0 ? held_value(raw, scale.scale) : absent;
    case ScaleRegister::Use::exponent:
      return std::abs(raw) <= 10 ? power_of_ten(static_cast<int>(raw)) : absent;
    case ScaleRegister::Use::divisors:
      return raw >= 0 && raw < static_cast<double>(scale.divisors.size())
                 ? 1 / scale.divisors[static_cast<std::size_t>(raw)]
                 : absent;
  }
  return absent;
}

Field field_of(const Register& reg, double factor) {
  return {reg.channel, field_wire(reg), reg.percent_above_one ? 1.0 : product(reg.scale, factor),
          reg.resolution * factor};
}

double value_of(double raw, const Register& reg, double factor) {
  const double scale = product(reg.scale, factor);
  // 2301 at -0.1 is -230.1, as at 0.1; and 0 has no sign.
  const double value = (scale < 0 ? -held_value(raw, -scale) : held_value(raw, scale)) + 0.0;
  if (!std::isfinite(value)) return absent;
  constexpr double cosine_at_most = 2;  // some are rounded to slightly above 1; nothing has 2 %
  return reg.percent_above_one && std::abs(value) > cosine_at_most ? value / 100 : value;
}

std::string text_of_registers(std::span<const std::uint8_t> bytes, bool swapped) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto character = static_cast<char>(bytes[swapped ? i ^ 1U : i]);
    if (character == '\0') break;
    if (character >= ' ' && character <= '~') text += character;
  }
  const auto end = text.find_last_not_of(' ');
  text.erase(end == std::string::npos ? 0 : end + 1);
  return text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
}

}  // namespace flopwatt::modbus
