#include "config/profiles/units.h"

#include <algorithm>
#include <array>

namespace flopwatt {
namespace {

struct Conversion {
  std::string_view unit;
  std::string_view held;
  double factor;
};

constexpr auto conversions = std::to_array<Conversion>({
    {"W", "W", 1},
    {"mW", "W", 1e-3},
    {"kW", "W", 1e3},
    {"MW", "W", 1e6},
    {"VA", "VA", 1},
    {"kVA", "VA", 1e3},
    {"MVA", "VA", 1e6},
    {"var", "var", 1},
    {"kvar", "var", 1e3},
    {"Mvar", "var", 1e6},
    {"V", "V", 1},
    {"mV", "V", 1e-3},
    {"kV", "V", 1e3},
    {"A", "A", 1},
    {"mA", "A", 1e-3},
    {"kA", "A", 1e3},
    {"Hz", "Hz", 1},
    {"mHz", "Hz", 1e-3},
    {"1", "1", 1},
    {"%", "1", 1e-2},
    {"Wh", "Wh", 1},
    {"mWh", "Wh", 1e-3},
    {"kWh", "Wh", 1e3},
    {"MWh", "Wh", 1e6},
    {"GWh", "Wh", 1e9},
    {"J", "Wh", 1 / 3600.0},
    {"kJ", "Wh", 1e3 / 3600.0},
    {"MJ", "Wh", 1e6 / 3600.0},
    // of what is never read
    {"varh", "varh", 1},
    {"kvarh", "varh", 1e3},
    {"Mvarh", "varh", 1e6},
    {"VAh", "VAh", 1},
    {"kVAh", "VAh", 1e3},
    {"MVAh", "VAh", 1e6},
    {"degC", "degC", 1},
    {"deg", "deg", 1},
});

}  // namespace

std::optional<double> unit_factor(std::string_view unit, std::string_view held) {
  const auto found = std::ranges::find_if(conversions, [&](const Conversion& candidate) {
    return candidate.unit == unit && candidate.held == held;
  });
  if (found == conversions.end()) return std::nullopt;
  return found->factor;
}

std::vector<std::string_view> units_for(std::string_view held) {
  std::vector<std::string_view> units;
  for (const Conversion& conversion : conversions)
    if (conversion.held == held) units.push_back(conversion.unit);
  return units;
}

}  // namespace flopwatt
