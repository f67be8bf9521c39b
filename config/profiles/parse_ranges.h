// Ranges of whole numbers as text: "31-48", "31".
#pragma once

#include <cstdint>
#include <string_view>

#include "config/profiles/meter_profile.h"
#include "config/yaml/parse_values.h"

namespace flopwatt {

/// One number, or two with a hyphen between them, the smaller first. Decimal or 0x
/// hexadecimal, at most 65535.
[[nodiscard]] Parsed<AddressRange> parse_range(std::string_view text);

}  // namespace flopwatt
