#include "config/profiles/read_scaling.h"

#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace flopwatt {
namespace {

constexpr std::size_t most_divisors = 32;

bool read_use(MapReader& map, ScaleRegister::Use& use) {
  const YamlNode* node = map.require("use");
  const std::string* text = node == nullptr ? nullptr : text_of(*node, "use", map.report());
  if (text == nullptr) return false;
  constexpr auto uses = std::to_array<std::pair<std::string_view, ScaleRegister::Use>>(
      {{"factor", ScaleRegister::Use::factor},
       {"exponent", ScaleRegister::Use::exponent},
       {"divisors", ScaleRegister::Use::divisors}});
  for (const auto& [name, value] : uses)
    if (name == *text) {
      use = value;
      return true;
    }
  map.report().error(node->at, "use: '" + text->substr(0, 60) + "'; write factor, exponent or divisors");
  return false;
}

void read_divisors(MapReader& map, std::vector<double>& divisors) {
  const YamlNode* node = map.require("divisors");
  if (node == nullptr) return;
  Reporter& report = map.report();
  const std::vector<YamlNode>& items = items_of(*node, "divisors", report);
  if (node->is_list() && (items.empty() || items.size() > most_divisors))
    report.error(node->at, "divisors: write 1 to " + std::to_string(most_divisors) +
                               " numbers, for 0, 1, 2 ... in the register");
  for (const YamlNode& item : items) {
    const std::string* text = text_of(item, "divisors", report);
    if (text == nullptr) continue;
    const Parsed<double> number = parse_number(*text);
    if (number.value && *number.value != 0.0)
      divisors.push_back(*number.value);
    else
      report.error(item.at, "divisors: '" + text->substr(0, 60) + "'; " +
                                (number.value ? "nothing is divided by 0" : number.advice));
  }
}

// What each use takes beside the register itself.
void read_use_keys(MapReader& map, const RegisterPlace& place, ScaleRegister& scale) {
  using enum ScaleRegister::Use;
  if (scale.use == factor)
    scale.scale = read_scale(map);
  else
    map.refuse("scale", "belongs to use: factor; remove it");
  if (scale.use == divisors)
    read_divisors(map, scale.divisors);
  else
    map.refuse("divisors", "belongs to use: divisors; remove it");
  if (scale.use != factor && is_floating(place.wire))
    map.report().error(map.find("type")->at,
                       "type: an exponent or an index is a whole number; write an integer type");
}

std::optional<ScaleEntry> read_scale_register(const YamlNode& node, std::uint16_t branches,
                                              Reporter& report) {
  const std::size_t errors_before = report.error_count();
  MapReader map(node, "an entry of scaled_by", report);
  ScaleEntry entry;
  const auto place = read_register_place(map, {});
  if (place) {
    entry.scale.address = place->address;
    entry.scale.function = place->function;
    entry.scale.wire = place->wire;
    entry.scale.word_order = place->word_order;
  }
  entry.stride = read_stride(map, branches, entry.scale.address, entry.scale.width());
  if (read_use(map, entry.scale.use) && place) {
    read_use_keys(map, *place, entry.scale);
  } else {
    for (const std::string_view key : {"scale", "divisors"}) (void)map.find(key);
  }
  map.finish();
  if (report.error_count() != errors_before) return std::nullopt;
  return entry;
}

std::optional<std::uint64_t> parse_bits(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::uint64_t bits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bits, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return bits;
}

}  // namespace

std::span<const YamlNode> one_or_list(const YamlNode& node) {
  return node.is_list() ? std::span<const YamlNode>(node.items) : std::span<const YamlNode>(&node, 1);
}

std::vector<ScaleEntry> read_scaled_by(MapReader& map, std::uint16_t branches) {
  std::vector<ScaleEntry> entries;
  const YamlNode* node = map.find("scaled_by");
  if (node == nullptr) return entries;
  const std::span<const YamlNode> items = one_or_list(*node);
  if (items.empty() || items.size() > most_scale_registers) {
    map.report().error(node->at, "scaled_by: write 1 to " + std::to_string(most_scale_registers) +
                                     " registers that scale this one");
    return entries;
  }
  for (const YamlNode& item : items)
    if (auto entry = read_scale_register(item, branches, map.report())) entries.push_back(std::move(*entry));
  return entries;
}

std::vector<std::uint64_t> read_unavailable(MapReader& map, const RegisterPlace& place) {
  std::vector<std::uint64_t> all;
  const YamlNode* node = map.find("unavailable");
  if (node == nullptr) return all;
  Reporter& report = map.report();
  const std::span<const YamlNode> items = one_or_list(*node);
  if (items.empty() || items.size() > most_unavailable)
    report.error(node->at, "unavailable: write 1 to " + std::to_string(most_unavailable) + " numbers");
  const unsigned bits = 16U * place.width();
  const std::uint64_t most = bits == 64 ? UINT64_MAX : (std::uint64_t{1} << bits) - 1;
  for (const YamlNode& item : items) {
    const std::string* text = text_of(item, "unavailable", report);
    if (text == nullptr) continue;
    const std::optional<std::uint64_t> value = parse_bits(*text);
    if (value && *value <= most)
      all.push_back(*value);
    else
      report.error(item.at, "unavailable: '" + text->substr(0, 60) + "'; write the " + std::to_string(bits) +
                                " bits as they come, as an unsigned number (2000, 0x7FFF)");
  }
  return all;
}

std::uint16_t read_stride(MapReader& map, std::uint16_t branches, std::uint16_t address,
                          std::uint16_t width) {
  if (branches == 1) {
    map.refuse("stride", "belongs to a range of branches, as in branch: 1-42; remove it");
    return 0;
  }
  std::int64_t stride = 0;
  const YamlNode* node = map.find("stride");
  if (!map.read_integer("stride", {1, 65535}, stride)) return 0;
  const std::int64_t last = address + (branches - 1) * stride;
  if (last + width > 65536)
    map.report().error(node->at, "stride: the last branch would be at " + std::to_string(last) +
                                     "; the last register is 65535");
  return static_cast<std::uint16_t>(stride);
}

double read_scale(MapReader& map) {
  double scale = 1.0;
  const YamlNode* node = map.find("scale");
  if (node == nullptr || !map.read_number("scale", {-1e12, 1e12}, scale)) return 1.0;
  if (scale == 0.0)
    map.report().error(node->at,
                       "scale: 0 makes every value 0; write the factor from the raw value to the unit");
  return scale;
}

}  // namespace flopwatt
