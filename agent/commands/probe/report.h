// The output of `flopwatt probe`. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "drivers/modbus/probe/probe.h"

namespace flopwatt::commands {

struct ProbeReport {
  ModbusAddress address;
  SerialSettings settings;                ///< with which units answered; only for a serial line
  std::vector<modbus::ProbedUnit> units;  ///< all units that were asked, silent ones included
  std::vector<std::string> notes{};       ///< on the whole scan, a sentence each

  [[nodiscard]] std::size_t answering() const;
};

/// `buses` and `meters` of the devices that were found, as `check` accepts them: for each unit the
/// best profile, the others in comments. A device that answers under several units is listed once.
/// "": nothing was found.
[[nodiscard]] std::string configuration_text(const ProbeReport& report);

/// {"address","units":[{"unit_id","answers","reason","note","found":[{"profile","confidence","score","why":[],
/// "vendor","model","serial","sunspec_model"}],"hints":[]}],"notes":[],"configuration":"…"} with a line end.
[[nodiscard]] std::string json_text(const ProbeReport& report);

/// A block for each unit that answers, then the configuration after a line that begins with #.
[[nodiscard]] std::string table_text(const ProbeReport& report);

}  // namespace flopwatt::commands
