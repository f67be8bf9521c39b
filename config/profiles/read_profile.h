// The schema of a meter profile's file.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "config/profiles/meter_profile.h"
#include "config/yaml/finding.h"
#include "config/yaml/map_reader.h"

namespace flopwatt {

/// Bounds of `refresh`, in a profile and of a meter in the configuration.
inline constexpr Range<std::chrono::microseconds> refresh_range{std::chrono::microseconds(0),
                                                                std::chrono::hours(1)};

/// Text of a profile's file -> profile with that id. nullopt: reported.
[[nodiscard]] std::optional<MeterProfile> read_profile(const std::string& text, const std::string& id,
                                                       Reporter& report);

}  // namespace flopwatt
