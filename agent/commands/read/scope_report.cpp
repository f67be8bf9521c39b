#include "agent/commands/read/scope_report.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "readings/missing_reason.h"

namespace flopwatt::commands {
namespace {

namespace json = boost::json;

std::optional<double> number_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

std::string text_in(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

/// Reasons that go away by time alone, as more of the window becomes known.
bool comes_by_itself(std::string_view missing) {
  constexpr std::array reasons = {MissingReason::starting, MissingReason::restart, MissingReason::method,
                                  MissingReason::coverage};
  return std::ranges::any_of(
      reasons, [&](MissingReason reason) { return missing.starts_with(std::string(name_of(reason)) + ':'); });
}

WindowReport window_report(const Window& window, const json::object& told, double min_coverage) {
  WindowReport report;
  report.text = window.text;
  report.joules_per_flop = number_at(told, "joules_per_flop");
  report.uncertainty = number_at(told, "uncertainty");
  report.method = text_in(told, "method");
  const double length_s = std::chrono::duration<double>(window.length).count();
  const double coverage = number_at(told, "coverage").value_or(0);
  if (const auto flop = number_at(told, "flop"); flop && coverage > 0)
    report.flop_per_second = *flop / (coverage * length_s);
  if (const json::value* missing = told.if_contains("missing"); missing != nullptr && missing->is_object())
    report.missing = text_in(missing->get_object(), "joules_per_flop");
  if (comes_by_itself(report.missing) && coverage < min_coverage)
    report.due_s = std::ceil((min_coverage - coverage) * length_s);
  return report;
}

std::string significant(double value, int digits) {
  std::array<char, 64> buffer{};
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.*g", digits, value);
  return {buffer.data(), std::min(static_cast<std::size_t>(std::max(0, length)), buffer.size() - 1)};
}

std::string duration_text(double seconds) {
  constexpr double two_minutes = 120;
  return seconds < two_minutes ? significant(std::ceil(seconds), 3) + " s"
                               : significant(std::ceil(seconds / 60), 9) + " min";
}

}  // namespace

std::vector<ScopeReport> scopes_of(const json::object& scopes, const Config& config) {
  std::vector<ScopeReport> reports;
  for (const auto& [name, told] : scopes) {
    if (!told.is_object()) continue;
    ScopeReport report;
    report.name = name;
    report.power_w = number_at(told.get_object(), "power_w");
    const json::value* windows = told.get_object().if_contains("windows");
    for (const Window& window : config.windows) {
      const json::value* one = windows != nullptr && windows->is_object()
                                   ? windows->get_object().if_contains(window.text)
                                   : nullptr;
      if (one != nullptr && one->is_object())
        report.windows.push_back(window_report(window, one->get_object(), config.min_coverage));
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

json::object scopes_json(const std::vector<ScopeReport>& scopes) {
  json::object all;
  const auto put = [](json::object& object, std::string_view key, const std::optional<double>& value) {
    if (value) object[key] = *value;
  };
  for (const ScopeReport& scope : scopes) {
    json::object windows;
    for (const WindowReport& window : scope.windows) {
      json::object one;
      put(one, "flop_per_second", window.flop_per_second);
      put(one, "joules_per_flop", window.joules_per_flop);
      put(one, "uncertainty", window.uncertainty);
      if (!window.method.empty()) one["method"] = window.method;
      if (!window.missing.empty()) one["missing"] = {{"joules_per_flop", window.missing}};
      put(one, "due_s", window.due_s);
      windows[window.text] = std::move(one);
    }
    json::object object;
    put(object, "power_w", scope.power_w);
    object["windows"] = std::move(windows);
    all[scope.name] = std::move(object);
  }
  return all;
}

std::string window_text(const WindowReport& window) {
  std::string text = window.text + ": ";
  if (window.joules_per_flop) {
    text += significant(*window.joules_per_flop, 4) + " J/FLOP";
    if (window.uncertainty) text += " +-" + significant(*window.uncertainty * 100, 2) + " %";
  } else {
    text += "no J/FLOP";
    if (!window.missing.empty()) text += ", " + window.missing;
    if (window.due_s) text += "; due in " + duration_text(*window.due_s);
  }
  if (window.flop_per_second) text += "; " + significant(*window.flop_per_second, 4) + " FLOP/s";
  if (!window.method.empty()) text += " by " + window.method;
  return text;
}

}  // namespace flopwatt::commands
