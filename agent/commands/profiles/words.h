// A meter profile in words, for `flopwatt profiles`. Each function returns a sentence or a part of a line.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/profiles/meter_profile.h"
#include "drivers/modbus/registers/read_plan.h"

namespace flopwatt::commands {

/// "L1", "L1-L2", "branch 7"; "" for the whole meter.
[[nodiscard]] std::string place_text(Channel channel);

/// "u32, low word first", "mod10k".
[[nodiscard]] std::string type_text(const Register& reg);

/// How the value follows from the register: ", less the register 2, times 10 to the power
/// of the register 1083".
[[nodiscard]] std::string scaling_text(const Register& reg);

/// "9600 baud, no parity, 1 stop bit"
[[nodiscard]] std::string serial_text(const SerialSettings& serial);

/// The limits of a request, a line each.
[[nodiscard]] std::vector<std::string> limits_text(const ReadLimits& limits);

/// "register 11 (function 3) is 331 or 332: type"
[[nodiscard]] std::string identify_text(const IdentifyingRegister& one);

/// "function 4, address 70, 6 registers"
[[nodiscard]] std::string request_text(const modbus::PlannedRead& read);

/// Planned seconds to poll such a meter once, alone on its line.
[[nodiscard]] double cycle_seconds(const MeterProfile& profile, Transport transport,
                                   const SerialSettings& serial = {});

}  // namespace flopwatt::commands
