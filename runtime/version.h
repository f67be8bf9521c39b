// Version of this build.
#pragma once

#include <string_view>

namespace flopwatt {

extern const std::string_view version;   ///< "0.1.0"
extern const std::string_view revision;  ///< short commit id at build time, "unknown" outside a checkout

}  // namespace flopwatt
