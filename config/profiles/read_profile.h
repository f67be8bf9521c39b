// The schema of a meter profile's file.
#pragma once

#include <optional>
#include <string>

#include "config/profiles/meter_profile.h"
#include "config/yaml/finding.h"

namespace flopwatt {

/// Text of a profile's file -> profile with that id. nullopt: reported.
[[nodiscard]] std::optional<MeterProfile> read_profile(const std::string& text, const std::string& id,
                                                       Reporter& report);

}  // namespace flopwatt
