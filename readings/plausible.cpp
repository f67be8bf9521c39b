#include "readings/plausible.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace flopwatt {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

std::string short_text(double value) {
  std::array<char, 32> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 6).ptr;
  return {buffer.data(), end};
}

}  // namespace

PlausibleRange plausible_range(Quantity quantity) {
  using enum Quantity;
  switch (quantity) {
    case active_power:
    case apparent_power:
    case reactive_power:
    case power:
    case power_limit:
    case unaccounted_power:
      return {-1e9, 1e9};  // W, VA, var: a large power station
    case power_factor:
      return {-2, 2};  // some meters tell 1 to 2 for the other two quadrants
    case frequency:
      return {0, 1e4};
    case voltage:
      return {-1e7, 1e7};  // the highest line has 1.1 MV
    case current:
      return {-1e6, 1e6};  // the largest electrolysis has 0.6 MA
    case energy_import:
    case energy_export:
      return {0, 1e18};  // Wh; a counter only grows from 0. 1e9 W for a hundred years is 1e15 Wh
    case energy:
    case device_energy:
      return {0, 3.6e21};  // J: the same
    case utilization:
    case pipe_active:
      return {0, 1.05};  // rounded up, as the peak of work may be
    case memory_used:
    case memory_total:
      return {0, 1e18};
    case core_clock:
      return {0, 1e12};
    case temperature:
      return {-273.15, 1000};
    default:  // work and figures follow from these
      break;
  }
  return {-infinite, infinite};
}

bool is_plausible(Quantity quantity, double value) {
  const PlausibleRange range = plausible_range(quantity);
  return std::isfinite(value) && value >= range.low && value <= range.high;
}

std::string beyond_plausible(Quantity quantity, double value, std::string_view unit) {
  const PlausibleRange range = plausible_range(quantity);
  const std::string with_unit = unit == "1" || unit.empty() ? "" : " " + std::string(unit);
  return short_text(value) + with_unit + ", which is beyond what any site has (" + short_text(range.low) +
         " to " + short_text(range.high) + with_unit + ")";
}

}  // namespace flopwatt
