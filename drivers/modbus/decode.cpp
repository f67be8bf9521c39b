#include "drivers/modbus/decode.h"

#include <bit>
#include <cmath>
#include <limits>

#include "drivers/modbus/mbap.h"
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
  const auto raw = static_cast<Signed>(bits);  // C++20: two's complement
  if (raw == std::numeric_limits<Signed>::max() || raw == std::numeric_limits<Signed>::min()) return absent;
  return static_cast<double>(raw);
}

double plausible(double raw) {
  constexpr double smallest = 1e-30;
  if (!std::isfinite(raw) || (raw != 0 && std::abs(raw) < smallest)) return absent;
  return raw;
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
      return plausible(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits))));
    case Wire::f64:
      return plausible(std::bit_cast<double>(bits));
    case Wire::u8:
      break;  // no register has it
  }
  return absent;
}

}  // namespace

double decode(std::span<const std::uint8_t> bytes, const Register& reg) {
  const double value = held_value(raw_value(bits_of(bytes, reg.word_order), reg.wire), reg.scale);
  return std::isfinite(value) ? value : absent;
}

}  // namespace flopwatt::modbus
