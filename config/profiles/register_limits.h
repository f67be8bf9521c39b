// Whether a request that a device allows can read a register at all.
#pragma once

#include <cstdint>
#include <string>

#include "config/profiles/meter_profile.h"

namespace flopwatt {

/// What max_registers has to be for it: registers of the shortest request for it with its `minus`, or for a
/// scale register of it, aligned as `even` and `block` want.
[[nodiscard]] std::uint32_t needed_registers(const Register& reg, const ReadLimits& limits);

/// Why none can, to stand behind its name: "is 4 registers wide, but max_registers is 2"; "" where one can.
[[nodiscard]] std::string why_unreadable(const Register& reg, const ReadLimits& limits);

}  // namespace flopwatt
