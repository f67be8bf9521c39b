#include "config/profiles/read_register_type.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "config/yaml/nearest.h"

namespace flopwatt {
namespace {

struct TypeName {
  std::string_view name;
  Wire wire;
};
constexpr auto type_names = std::to_array<TypeName>({{"u16", Wire::u16},
                                                     {"i16", Wire::i16},
                                                     {"u32", Wire::u32},
                                                     {"i32", Wire::i32},
                                                     {"u64", Wire::u64},
                                                     {"i64", Wire::i64},
                                                     {"f32", Wire::f32},
                                                     {"f64", Wire::f64}});
constexpr std::string_view mod10k_name = "mod10k";
constexpr std::string_view text_name = "text";

void read_function(MapReader& map, std::uint8_t& function) {
  const YamlNode* node = map.require("function");
  const auto number = node == nullptr ? std::nullopt : integer_of(*node, "function", map.report());
  if (!number) return;
  if (*number == 3 || *number == 4)
    function = static_cast<std::uint8_t>(*number);
  else
    map.report().error(node->at,
                       "function: " + node->text +
                           "; write 3 (holding registers) or 4 (input registers), flopwatt only reads");
}

void read_type(MapReader& map, OtherTypes others, RegisterPlace& place) {
  Reporter& report = map.report();
  const YamlNode* node = map.require("type");
  const std::string* name = node == nullptr ? nullptr : text_of(*node, "type", report);
  if (name == nullptr) return;
  if (others.mod10k && *name == mod10k_name) {
    place.wire = Wire::u32;
    place.encoding = Encoding::modulo_10000;
    return;
  }
  if (others.text && *name == text_name) {
    std::int64_t registers = 0;
    if (map.require("registers") != nullptr && map.read_integer("registers", {1, 125}, registers))
      place.text_registers = static_cast<std::uint16_t>(registers);
    return;
  }
  const auto found = std::ranges::find(type_names, *name, &TypeName::name);
  if (found != type_names.end()) {
    place.wire = found->wire;
    return;
  }
  std::vector<std::string_view> names;
  names.reserve(type_names.size() + 2);
  for (const TypeName& known : type_names) names.push_back(known.name);
  if (others.mod10k) names.push_back(mod10k_name);
  if (others.text) names.push_back(text_name);
  report.error(node->at, "type: '" + name->substr(0, 60) + "'; write " + list_words(names));
}

void read_word_order(MapReader& map, WordOrder& order) {
  const YamlNode* node = map.find("word_order");
  const std::string* text = node == nullptr ? nullptr : text_of(*node, "word_order", map.report());
  if (text == nullptr) return;
  if (*text == "big" || *text == "little")
    order = *text == "big" ? WordOrder::big : WordOrder::little;
  else
    map.report().error(node->at, "word_order: '" + text->substr(0, 60) +
                                     "'; write big (most significant register first) or little");
}

}  // namespace

bool is_floating(Wire wire) { return wire == Wire::f32 || wire == Wire::f64; }

std::string_view type_name(Wire wire, Encoding encoding) {
  if (encoding == Encoding::modulo_10000) return mod10k_name;
  const auto found = std::ranges::find(type_names, wire, &TypeName::wire);
  return found == type_names.end() ? "" : found->name;
}

std::uint16_t RegisterPlace::width() const { return text_registers > 0 ? text_registers : width_of(wire); }

std::optional<RegisterPlace> read_register_place(MapReader& map, OtherTypes others) {
  Reporter& report = map.report();
  const std::size_t errors_before = report.error_count();
  RegisterPlace place;
  std::int64_t address = 0;
  const YamlNode* address_node = map.require("address");
  const bool has_address = map.read_integer("address", {0, 65535}, address);
  read_function(map, place.function);
  read_type(map, others, place);
  read_word_order(map, place.word_order);
  if (has_address && address + place.width() > 65536)
    report.error(address_node->at, "address: a value of " + std::to_string(place.width()) +
                                       " registers does not fit behind " + std::to_string(address) +
                                       "; the last register is 65535");
  if (report.error_count() != errors_before) return std::nullopt;
  place.address = static_cast<std::uint16_t>(address);
  return place;
}

}  // namespace flopwatt
