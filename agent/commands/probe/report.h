// What `flopwatt probe` prints of what it found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "drivers/modbus/probe/probe.h"

namespace flopwatt::commands {

struct ProbeReport {
  ModbusAddress address;
  SerialSettings settings;                ///< with which units answered; of meaning for a serial line
  std::vector<modbus::ProbedUnit> units;  ///< all that were asked, also the silent ones
  std::vector<std::string> notes{};       ///< on the whole, a sentence each

  [[nodiscard]] std::size_t answering() const;
};

/// `buses` and `meters` for what was found, as `check` accepts it: of each unit the best profile, the others
/// in comments. "" where nothing was. A device that answers under several units stands there once.
[[nodiscard]] std::string configuration_text(const ProbeReport& report);

/// {"address","units":[{"unit_id","answers","reason","found":[{"profile","confidence","score","why":[],"vendor",
/// "model","serial","sunspec_model"}],"hints":[]}],"notes":[],"configuration":"…"} with a line end.
[[nodiscard]] std::string json_text(const ProbeReport& report);

/// A block a unit that answers, then the configuration behind a line that begins with #.
[[nodiscard]] std::string table_text(const ProbeReport& report);

}  // namespace flopwatt::commands
