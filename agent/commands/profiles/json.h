// A meter profile as JSON, for `flopwatt profiles`.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>

#include "config/profiles/meter_profile.h"

namespace flopwatt::commands {

/// Keys are added, never redefined.
[[nodiscard]] boost::json::object profile_json(const MeterProfile& profile,
                                               const std::filesystem::path& path);

}  // namespace flopwatt::commands
