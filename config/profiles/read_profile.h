// The schema of a meter profile's file.
#pragma once

#include <optional>
#include <string>

#include "config/profiles/meter_profile.h"
#include "config/yaml/finding.h"

namespace flopwatt {

/// A profile's file as text -> profile. nullopt: reported. `id` becomes its id.
[[nodiscard]] std::optional<MeterProfile> read_profile(const std::string& text, const std::string& id,
                                                       Reporter& report);

}  // namespace flopwatt
