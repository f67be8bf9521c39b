// From the bytes of registers to a value, or to the knowledge that there is none. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "config/profiles/meter_profile.h"
#include "readings/source.h"

namespace flopwatt::modbus {

/// The number in the 2 * width bytes of a register, before scaling. `absent` where the bits mean "not
/// available" or are no plausible number of the type:
///   unsigned: all bits one; signed: the largest or the smallest number of the type;
///   floating: NaN, infinite, the largest or the smallest number of the type, or nonzero and below 1e-30 (a
///             wrong word order or type);
///   modulo_10000: a word above 9999;
///   any type: the bits that `reg.unavailable` lists.
[[nodiscard]] double decode_raw(std::span<const std::uint8_t> bytes, const Register& reg);

/// The factor for the values that `scale` scales, from the bytes of the scale register. `absent` where the
/// bytes make no sense (see ScaleRegister::Use; a factor of 0 means that the transformer was never set).
[[nodiscard]] double decode_factor(std::span<const std::uint8_t> bytes, const ScaleRegister& scale);

/// The field of `reg` while the product of its scale registers is `factor` (1 where it has none):
///   value = held_value(raw, field.scale); the resolution grows with the factor.
/// A difference (`minus`) has the next wider signed type. A power factor that may come in per cent is f64,
/// since its scale depends on the number.
[[nodiscard]] Field field_of(const Register& reg, double factor);

/// The value in the held unit, or `absent`. `raw`: from decode_raw(), with `minus` subtracted. `factor`: the
/// product of the scale registers.
[[nodiscard]] double value_of(double raw, const Register& reg, double factor);

/// The text in 16-bit registers, high byte first (low byte first with `swapped`): the printable characters up
/// to the first NUL, without blanks at the ends.
[[nodiscard]] std::string text_of_registers(std::span<const std::uint8_t> bytes, bool swapped = false);

}  // namespace flopwatt::modbus
