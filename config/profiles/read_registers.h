// The schema of `registers`, in a profile's file and of a meter in the configuration.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "config/profiles/read_placement.h"
#include "config/yaml/finding.h"
#include "config/yaml/yaml_tree.h"

namespace flopwatt {

/// Each branch of a range counts, and so do registers that are not read.
inline constexpr std::size_t most_registers = 2048;

struct RegisterList {
  std::vector<Register> registers;
  std::vector<UnreadRegister> unread;  ///< one for a range of branches
};

/// Reads and checks a list of registers: known quantities at known places, matching units, no register or
/// channel twice, every register readable within `limits`, at least one register published. Bad entries are
/// reported and left out.
[[nodiscard]] RegisterList read_registers(const YamlNode& list, const ReadLimits& limits,
                                          Unpublished unpublished, Reporter& report);

}  // namespace flopwatt
