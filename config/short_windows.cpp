#include "config/short_windows.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <string>

#include "config/yaml/parse_values.h"

namespace flopwatt {
namespace {

using std::chrono::seconds;

// The load of a server. At this load a step of the register must not take longer than a window: with less than
// about one step a window its uncertainty is 100 %, and there is no figure.
constexpr double small_load_watts = 1000;
constexpr double seconds_per_hour = 3600;

// In Wh; 0: not known. The scale of an integer is its step, unless the device scales it.
double step_of(const Register& reg) {
  const bool is_floating = reg.wire == Wire::f32 || reg.wire == Wire::f64;
  return is_floating || !reg.scaled_by.empty() ? reg.resolution
                                               : std::max(reg.resolution, std::abs(reg.scale));
}

// The windows that are shorter, as written: "1m, 90s"; "" where there is none.
std::string shorter_windows(const Config& config, microseconds needed) {
  std::string text;
  for (const Window& window : config.windows)
    if (window.length < needed) text += (text.empty() ? "" : ", ") + window.text;
  return text;
}

std::string whole_seconds(microseconds duration) {
  return format_duration(std::chrono::ceil<seconds>(duration));
}

// Two renewals fit in a window of which the uncertainty is about 40 % from that alone.
std::string why_too_old(const Config& config, const MeterConfig& meter) {
  const microseconds needed = 2 * meter.profile.refresh;
  const std::string windows = shorter_windows(config, needed);
  if (windows.empty()) return "";
  return "its values may be " + format_duration(meter.profile.refresh) +
         " old (refresh), which is too coarse for energy.windows: " + windows + "; write windows of " +
         whole_seconds(needed) + " or longer";
}

// `energy`: of this meter.
std::string why_too_coarse(const Config& config, const MeterConfig& meter, const EnergyEntry& energy) {
  const Register* counter = nullptr;
  for (const Register& reg : meter.profile.registers) {
    const auto [quantity, place, branch] = reg.channel;
    if (quantity == Quantity::active_power && branch == energy.branch) return "";
    if (quantity == Quantity::energy_import && branch == energy.branch) counter = &reg;
  }
  if (counter == nullptr) return "";
  const double step_wh = step_of(*counter);
  const microseconds step_time(std::llround(step_wh * seconds_per_hour / small_load_watts * 1e6));
  const std::string windows = shorter_windows(config, step_time);
  if (windows.empty()) return "";
  return "its energy register moves in steps of " + format_number(step_wh) +
         " Wh and it tells no power: at 1 kW a step takes " + whole_seconds(step_time) +
         ", which is too coarse for energy.windows: " + windows +
         "; add its active_power under registers, or write windows of " + whole_seconds(2 * step_time) +
         " or longer";
}

}  // namespace

void warn_short_windows(const Config& config, Reporter& report) {
  std::set<std::string> told;
  for (const ScopeConfig& scope : config.scopes) {
    for (const EnergyEntry& energy : scope.energy) {
      const auto meter = std::ranges::find(config.meters, energy.meter, &MeterConfig::name);
      if (meter == config.meters.end() || told.contains(energy.meter)) continue;
      std::string reason = why_too_old(config, *meter);
      if (reason.empty()) reason = why_too_coarse(config, *meter, energy);
      if (reason.empty()) continue;
      told.insert(energy.meter);
      report.warn(meter->at, "meter '" + meter->name + "': " + reason);
    }
  }
}

}  // namespace flopwatt
