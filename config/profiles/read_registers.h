// The schema of `registers`: the same for a profile's file and for a meter that lists its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "config/profiles/read_placement.h"
#include "config/yaml/finding.h"
#include "config/yaml/yaml_tree.h"

namespace flopwatt {

/// Ranges of branches count with each of their branches, registers that are not read too.
inline constexpr std::size_t most_registers = 2048;

struct RegisterList {
  std::vector<Register> registers;
  std::vector<UnreadRegister> unread;  ///< a range of branches is one of them
};

/// Reads and checks a list of registers: known quantities at known places, units that fit, no register or
/// channel twice, nothing that no request within `limits` could read, at least one that is published. Bad
/// entries are reported and left out.
[[nodiscard]] RegisterList read_registers(const YamlNode& list, const ReadLimits& limits,
                                          Unpublished unpublished, Reporter& report);

}  // namespace flopwatt
