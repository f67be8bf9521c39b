// Numbers in messages: three digits and a unit prefix.
#pragma once

#include <string>
#include <string_view>

namespace flopwatt {

/// Three significant digits: "1000", "0.00103", "5.1e+06".
[[nodiscard]] std::string three_digits(double value);

/// With the prefix that leaves 1 to 999 before the point: "1.4 kWh", "-350 W", "12 MJ".
[[nodiscard]] std::string with_unit(double value, std::string_view unit);

}  // namespace flopwatt
