// `identify` of a profile: what tells a device of this model from others.
#pragma once

#include <vector>

#include "config/profiles/meter_profile.h"
#include "config/yaml/finding.h"
#include "config/yaml/yaml_tree.h"

namespace flopwatt {

/// What is wrong is reported; a device answers each of them in a request of its own, within `limits`.
[[nodiscard]] std::vector<IdentifyingRegister> read_identify(const YamlNode& list, const ReadLimits& limits,
                                                             Reporter& report);

}  // namespace flopwatt
