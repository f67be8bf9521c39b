// Checks whether any request that a device allows can read a register.
#pragma once

#include <cstdint>
#include <string>

#include "config/profiles/meter_profile.h"

namespace flopwatt {

/// Length in registers of the shortest request for the register with its `minus`, or for one of its scale
/// registers, aligned to `even` and `block`. max_registers must be at least this.
[[nodiscard]] std::uint32_t needed_registers(const Register& reg, const ReadLimits& limits);

/// The reason, to follow the register's name: "is 4 registers wide, but max_registers is 2". "": readable.
[[nodiscard]] std::string why_unreadable(const Register& reg, const ReadLimits& limits);

}  // namespace flopwatt
