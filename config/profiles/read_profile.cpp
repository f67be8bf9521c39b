#include "config/profiles/read_profile.h"

#include <algorithm>
#include <array>

#include "config/profiles/parse_ranges.h"
#include "config/profiles/read_identify.h"
#include "config/profiles/read_registers.h"
#include "config/profiles/read_scaling.h"
#include "config/profiles/read_serial.h"
#include "config/yaml/map_reader.h"
#include "config/yaml/nearest.h"

namespace flopwatt {
namespace {

constexpr auto kinds = std::to_array<std::string_view>(
    {"power-meter", "rack-pdu", "branch-circuit-monitor", "rack-psu", "dc-meter", "ups"});
constexpr auto confidences = std::to_array<std::string_view>({"two-sources", "one-source"});

// The value of `key`, which is one of `words`.
void read_word(MapReader& map, std::string_view key, std::span<const std::string_view> words,
               std::string& out) {
  const YamlNode* node = map.find(key);
  const std::string* text = node == nullptr ? nullptr : text_of(*node, key, map.report());
  if (text == nullptr) return;
  if (std::ranges::find(words, *text) != words.end())
    out = *text;
  else
    map.report().error(node->at,
                       std::string(key) + ": '" + text->substr(0, 60) + "'; write " + list_words(words));
}

std::vector<std::string> read_sentences(MapReader& map, std::string_view key, const YamlNode* node) {
  std::vector<std::string> sentences;
  if (node == nullptr) return sentences;
  for (const YamlNode& item : items_of(*node, key, map.report()))
    if (const std::string* text = text_of(item, key, map.report())) sentences.push_back(*text);
  if (node->is_list() && node->items.empty())
    map.report().error(node->at, std::string(key) + ": write a sentence each; here is none");
  return sentences;
}

void read_forbidden(const YamlNode& node, std::vector<AddressRange>& forbidden, Reporter& report) {
  constexpr std::size_t most = 64;
  const std::vector<YamlNode>& items = items_of(node, "forbidden", report);
  if (node.is_list() && (items.empty() || items.size() > most))
    report.error(node.at, "forbidden: write 1 to " + std::to_string(most) + " ranges of addresses");
  for (const YamlNode& item : items) {
    const std::string* text = text_of(item, "forbidden", report);
    if (text == nullptr) continue;
    const Parsed<AddressRange> range = parse_range(*text);
    if (range.value)
      forbidden.push_back(*range.value);
    else
      report.error(item.at, "forbidden: '" + text->substr(0, 60) + "'; " + range.advice);
  }
}

ReadLimits read_limits(const YamlNode& node, Reporter& report) {
  MapReader map(node, "limits", report);
  ReadLimits limits;
  std::int64_t max_registers = limits.max_registers;
  std::int64_t max_hole = limits.max_hole;
  std::int64_t block = limits.block;
  map.read_integer("max_registers", {1, 125}, max_registers);
  map.read_integer("max_hole", {0, 124}, max_hole);
  map.read_bool("even", limits.even);
  const YamlNode* block_node = map.find("block");
  map.read_integer("block", {1, 125}, block);
  if (const YamlNode* forbidden = map.find("forbidden")) read_forbidden(*forbidden, limits.forbidden, report);
  map.finish();
  if (block > max_registers)
    report.error(block_node->at, "block: " + std::to_string(block) + ", but max_registers is " +
                                     std::to_string(max_registers) + ": no request could hold a block");
  limits.max_registers = static_cast<std::uint16_t>(max_registers);
  limits.max_hole = static_cast<std::uint16_t>(max_hole);
  limits.block = static_cast<std::uint16_t>(block);
  return limits;
}

SerialSettings read_serial_defaults(const YamlNode& node, Reporter& report) {
  MapReader map(node, "serial", report);
  const SerialSettings serial = read_serial(map);
  map.finish();
  return serial;
}

void read_unit_id(MapReader& map, std::uint8_t& unit_id) {
  const YamlNode* node = map.find("unit_id");
  const auto number = node == nullptr ? std::nullopt : integer_of(*node, "unit_id", map.report());
  if (!number) return;
  if ((*number >= 0 && *number <= 247) || *number == 255)
    unit_id = static_cast<std::uint8_t>(*number);
  else
    map.report().error(
        node->at, "unit_id: " + node->text + " is out of range; write 1 to 247, or 0 or 255 (over TCP only)");
}

void read_origin(MapReader& map, MeterProfile& profile) {
  if (map.require("vendor") != nullptr) map.read_text("vendor", profile.vendor);
  if (map.require("model") != nullptr) map.read_text("model", profile.model);
  profile.kind = kinds.front();
  read_word(map, "kind", kinds, profile.kind);
  if (map.require("confidence") != nullptr) read_word(map, "confidence", confidences, profile.confidence);
  profile.sources = read_sentences(map, "sources", map.require("sources"));
  profile.conflicts = read_sentences(map, "conflicts", map.find("conflicts"));
  profile.quirks = read_sentences(map, "quirks", map.find("quirks"));
}

}  // namespace

std::optional<MeterProfile> read_profile(const std::string& text, const std::string& id, Reporter& report) {
  const std::optional<YamlNode> root = parse_yaml(text, report);
  if (!root) return std::nullopt;
  const std::size_t errors_before = report.error_count();
  MapReader map(*root, "a meter profile", report);
  MeterProfile profile;
  profile.id = id;
  read_origin(map, profile);
  if (const YamlNode* serial = map.find("serial")) profile.serial = read_serial_defaults(*serial, report);
  read_unit_id(map, profile.unit_id);
  if (const YamlNode* limits = map.find("limits")) profile.limits = read_limits(*limits, report);
  map.read_duration("refresh", refresh_range, profile.refresh);
  if (const YamlNode* identify = map.find("identify"))
    profile.identify = read_identify(*identify, profile.limits, report);
  if (const YamlNode* registers = map.require("registers")) {
    RegisterList list = read_registers(*registers, profile.limits, Unpublished::allowed, report);
    profile.registers = std::move(list.registers);
    profile.unread = std::move(list.unread);
  }
  map.finish();
  if (report.error_count() != errors_before) return std::nullopt;
  return profile;
}

}  // namespace flopwatt
