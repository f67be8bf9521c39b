// Registers -> a value, or the knowledge that there is none.
#pragma once

#include <cstdint>
#include <span>

#include "config/meter_profile.h"

namespace flopwatt::modbus {

/// `bytes` are the 2 * width() bytes of the register as they came. Returns raw * scale in the held unit, or
/// `absent` where the device says "not available" or the bits are no plausible number of this type. What
/// counts as that is judged on the raw value, before scaling:
///   unsigned: all bits one; signed: the largest or the smallest number of the type;
///   floating: NaN, infinite, or nonzero and below 1e-30 (a wrong word order or type).
[[nodiscard]] double decode(std::span<const std::uint8_t> bytes, const Register& reg);

}  // namespace flopwatt::modbus
