// Registers -> a value, or the knowledge that there is none.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "config/profiles/meter_profile.h"
#include "readings/source.h"

namespace flopwatt::modbus {

/// The number that the 2 * width bytes of a register hold as they came, before any scaling, or `absent` where
/// the device says "not available" or the bits are no plausible number of this type:
///   unsigned: all bits one; signed: the largest or the smallest number of the type;
///   floating: NaN, infinite, or nonzero and below 1e-30 (a wrong word order or type);
///   modulo_10000: a word above 9999;
///   and the bits that `reg.unavailable` lists.
[[nodiscard]] double decode_raw(std::span<const std::uint8_t> bytes, const Register& reg);

/// What the values of a register with this scale register are to be multiplied by, given its bytes; `absent`
/// where they make no sense (see ScaleRegister::Use; a factor of 0 is a transformer that was never set).
[[nodiscard]] double decode_factor(std::span<const std::uint8_t> bytes, const ScaleRegister& scale);

/// How the values of `reg` are laid out while its scale registers make `factor` (1 where it has none):
///   value = held_value(raw, field.scale), the resolution grows with the factor.
/// A difference (`minus`) takes the next wider signed type, a power factor that may come in per cent f64.
[[nodiscard]] Field field_of(const Register& reg, double factor);

/// raw (a difference already taken) -> the value in the held unit while the scale registers make `factor`, or
/// `absent`.
[[nodiscard]] double value_of(double raw, const Register& reg, double factor);

/// A text of 16-bit registers, high byte first, or low byte first with `swapped`: what can be printed of it,
/// up to its first NUL, without blanks at its ends.
[[nodiscard]] std::string text_of_registers(std::span<const std::uint8_t> bytes, bool swapped = false);

}  // namespace flopwatt::modbus
