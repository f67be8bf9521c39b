#include "agent/commands/probe/report.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string_view>

#include "config/yaml/parse_values.h"

namespace flopwatt::commands {
namespace {

namespace json = boost::json;
using modbus::ProbedUnit;
using modbus::ProbeMatch;

// Of letters, digits, hyphens and underscores, as a name has to be.
std::string as_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
    if (!name.empty() || std::isalnum(static_cast<unsigned char>(c)) != 0) name += good ? c : '-';
  }
  constexpr std::size_t longest = 100;
  if (name.size() > longest) name.resize(longest);
  return name.empty() ? "line" : name;
}

std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result.append(c == '\'' ? 2 : 1, c);
  return result + "'";
}

std::string score_text(double score) {
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.2f", score);
  return buffer.data();
}

std::string meter_name(const ProbedUnit& unit, const ProbeMatch& match) {
  std::string name = as_name(match.profile) + '-' + std::to_string(unit.unit);
  if (match.sunspec_model > 1) name += '-' + std::to_string(match.sunspec_model);
  return name;
}

// The unit asked before that is the same device; a serial number says so.
const ProbedUnit* same_device(const ProbeReport& report, const ProbedUnit& unit) {
  const auto is_same = [&](const ProbedUnit& other) {
    return &other < &unit && std::ranges::equal(other.found, unit.found, [](const auto& a, const auto& b) {
      return a.profile == b.profile && !a.serial.empty() && a.serial == b.serial;
    });
  };
  if (unit.found.empty()) return nullptr;
  const auto found = std::ranges::find_if(report.units, is_same);
  return found == report.units.end() ? nullptr : &*found;
}

std::string bus_text(const ProbeReport& report, const std::string& name) {
  constexpr std::array<std::string_view, 3> parities = {"none", "even", "odd"};
  return "buses:\n  - name: " + name + "\n    address: " + in_quotes(report.address.text()) +
         "\n    baud: " + std::to_string(report.settings.baud) +
         "\n    parity: " + std::string(parities.at(static_cast<std::size_t>(report.settings.parity))) +
         "\n    stop_bits: " + std::to_string(report.settings.stop_bits) + '\n';
}

void append_meter(std::string& text, const ProbeReport& report, const std::string& bus,
                  const ProbedUnit& unit, const ProbeMatch& match) {
  text += "  - name: " + meter_name(unit, match) + "  # " + std::string(name_of(match.confidence)) + ": " +
          match.vendor + ' ' + match.model;
  if (!match.serial.empty()) text += ", serial " + match.serial;
  text += bus.empty() ? "\n    address: " + in_quotes(report.address.text()) : "\n    bus: " + bus;
  text += "\n    unit_id: " + std::to_string(unit.unit) + "\n    profile: " + match.profile;
  const bool alternatives = match.sunspec_model == 0 && unit.found.size() > 1;
  for (std::size_t i = 1; alternatives && i < unit.found.size(); ++i)
    text += (i == 1 ? "  # or " : ", ") + unit.found[i].profile;
  text += '\n';
  if (match.sunspec_model > 1) text += "    sunspec_model: " + std::to_string(match.sunspec_model) + '\n';
}

bool is_serial(const ProbeReport& report) { return report.address.transport == Transport::rtu; }

json::array texts(const std::vector<std::string>& lines) {
  json::array array;
  for (const std::string& line : lines) array.emplace_back(line);
  return array;
}

json::object match_json(const ProbeMatch& match) {
  json::object object{{"profile", match.profile}, {"confidence", name_of(match.confidence)},
                      {"score", match.score},     {"why", texts(match.why)},
                      {"vendor", match.vendor},   {"model", match.model}};
  if (!match.serial.empty()) object["serial"] = match.serial;
  if (match.sunspec_model > 0) object["sunspec_model"] = match.sunspec_model;
  return object;
}

json::object unit_json(const ProbeReport& report, const ProbedUnit& unit) {
  json::array found;
  for (const ProbeMatch& match : unit.found) found.push_back(match_json(match));
  json::object object{{"unit_id", unit.unit}, {"answers", unit.answers}, {"found", std::move(found)}};
  if (!unit.answers) object["reason"] = unit.silence;
  if (!unit.note.empty()) object["note"] = unit.note;
  if (!unit.hints.empty()) object["hints"] = texts(unit.hints);
  if (const ProbedUnit* same = same_device(report, unit)) object["same_as_unit_id"] = same->unit;
  return object;
}

void append_match(std::string& text, const ProbedUnit& unit, const ProbeMatch& match) {
  const bool alternative = match.sunspec_model == 0 && &match != &unit.found.front();
  text += (alternative ? "  or " : "  ") + match.profile;
  if (match.sunspec_model > 0) text += ", meter " + std::to_string(match.sunspec_model);
  text += ": " + std::string(name_of(match.confidence)) + " (" + score_text(match.score) + "), " +
          match.vendor + ' ' + match.model;
  if (!match.serial.empty()) text += ", serial " + match.serial;
  text += '\n';
  for (const std::string& reason : match.why) text += "      " + reason + '\n';
}

}  // namespace

std::size_t ProbeReport::answering() const {
  return static_cast<std::size_t>(std::ranges::count_if(units, &ProbedUnit::answers));
}

std::string configuration_text(const ProbeReport& report) {
  const std::string bus =
      is_serial(report) ? as_name(std::filesystem::path(report.address.host).filename().string()) : "";
  std::string meters;
  for (const ProbedUnit& unit : report.units) {
    if (same_device(report, unit) != nullptr) continue;
    for (const ProbeMatch& match : unit.found)
      if (match.sunspec_model > 0 || &match == &unit.found.front())
        append_meter(meters, report, bus, unit, match);
  }
  if (meters.empty()) return "";
  return (bus.empty() ? "" : bus_text(report, bus)) + "meters:\n" + meters;
}

std::string json_text(const ProbeReport& report) {
  json::array units;
  for (const ProbedUnit& unit : report.units) units.push_back(unit_json(report, unit));
  return json::serialize(json::object{{"address", report.address.text()},
                                      {"units", std::move(units)},
                                      {"notes", texts(report.notes)},
                                      {"configuration", configuration_text(report)}}) +
         '\n';
}

std::string table_text(const ProbeReport& report) {
  std::string text;
  for (const ProbedUnit& unit : report.units) {
    if (!unit.answers) continue;
    text += "unit " + std::to_string(unit.unit);
    if (const ProbedUnit* same = same_device(report, unit)) {
      text += " is the same device as unit " + std::to_string(same->unit) + '\n';
      continue;
    }
    text += unit.found.empty() ? ": it answers, but no profile fits\n" : "\n";
    if (!unit.note.empty()) text += "  " + unit.note + '\n';
    for (const ProbeMatch& match : unit.found) append_match(text, unit, match);
    for (const std::string& hint : unit.hints) text += "  hint: " + hint + '\n';
  }
  for (const std::string& note : report.notes) text += note + '\n';
  const std::string configuration = configuration_text(report);
  if (!configuration.empty())
    text += "\n# Configuration; give each meter the `accuracy` of its name plate\n" + configuration;
  return text;
}

}  // namespace flopwatt::commands
