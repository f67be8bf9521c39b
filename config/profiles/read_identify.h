// Key `identify` of a profile: registers that identify the model.
#pragma once

#include <vector>

#include "config/profiles/meter_profile.h"
#include "config/yaml/finding.h"
#include "config/yaml/yaml_tree.h"

namespace flopwatt {

/// Bad entries are reported and left out. Each register must be readable alone within `limits`.
[[nodiscard]] std::vector<IdentifyingRegister> read_identify(const YamlNode& list, const ReadLimits& limits,
                                                             Reporter& report);

}  // namespace flopwatt
