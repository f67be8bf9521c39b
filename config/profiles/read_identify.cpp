#include "config/profiles/read_identify.h"

#include <algorithm>
#include <span>
#include <string>

#include "config/profiles/read_register_type.h"
#include "config/profiles/read_scaling.h"
#include "config/yaml/map_reader.h"

namespace flopwatt {
namespace {

constexpr std::size_t most_entries = 32;
constexpr std::size_t most_expected = 64;

bool fits(std::int64_t value, Wire wire) {
  const int bits = 16 * width_of(wire);
  const bool is_signed = wire == Wire::i16 || wire == Wire::i32 || wire == Wire::i64;
  if (bits == 64) return is_signed || value >= 0;
  const std::int64_t values = std::int64_t{1} << bits;
  return is_signed ? value >= -values / 2 && value < values / 2 : value >= 0 && value < values;
}

void read_number(const YamlNode& item, Wire wire, IdentifyingRegister& result, Reporter& report) {
  const auto number = integer_of(item, "expected", report);
  if (!number) return;
  if (is_floating(wire) || fits(*number, wire))
    result.expected.push_back(*number);
  else
    report.error(item.at, "expected: " + item.text + " is no value of " +
                              std::string(type_name(wire, Encoding::plain)));
}

void read_begin(const YamlNode& item, const RegisterPlace& place, IdentifyingRegister& result,
                Reporter& report) {
  const std::string* text = text_of(item, "expected", report);
  if (text == nullptr) return;
  const bool printable = std::ranges::all_of(*text, [](char c) { return c >= 0x20 && c < 0x7f; });
  const std::size_t longest = std::size_t{2} * place.text_registers;
  if (!text->empty() && printable && text->size() <= longest)
    result.expected_text.push_back(*text);
  else
    report.error(item.at, "expected: write 1 to " + std::to_string(longest) +
                              " letters, digits and signs of ASCII, with which the text begins");
}

void read_expected(const YamlNode& node, const RegisterPlace& place, IdentifyingRegister& result,
                   Reporter& report) {
  const std::span<const YamlNode> items = one_or_list(node);
  if (items.empty() || items.size() > most_expected)
    report.error(node.at, "expected: write 1 to " + std::to_string(most_expected) + " values");
  for (const YamlNode& item : items) {
    if (place.text_registers > 0)
      read_begin(item, place, result, report);
    else
      read_number(item, place.wire, result, report);
  }
}

IdentifyingRegister read_entry(const YamlNode& node, const ReadLimits& limits, Reporter& report) {
  MapReader map(node, "an entry of identify", report);
  IdentifyingRegister result;
  const YamlNode* expected = map.find("expected");
  if (const auto place = read_register_place(map, {.text = true})) {
    result.address = place->address;
    result.function = place->function;
    result.wire = place->wire;
    result.word_order = place->word_order;
    result.text_registers = place->text_registers;
    if (place->width() > limits.max_registers)
      report.error(node.at, "this is " + std::to_string(place->width()) +
                                " registers wide, but max_registers is " +
                                std::to_string(limits.max_registers));
    if (expected != nullptr) read_expected(*expected, *place, result, report);
  } else {
    (void)map.find("registers");
  }
  map.read_text("meaning", result.meaning);
  map.finish();
  return result;
}

}  // namespace

std::vector<IdentifyingRegister> read_identify(const YamlNode& list, const ReadLimits& limits,
                                               Reporter& report) {
  std::vector<IdentifyingRegister> result;
  const std::vector<YamlNode>& items = items_of(list, "identify", report);
  if (list.is_list() && (items.empty() || items.size() > most_entries))
    report.error(list.at, "identify: write 1 to " + std::to_string(most_entries) + " registers");
  result.reserve(items.size());
  for (const YamlNode& item : items) result.push_back(read_entry(item, limits, report));
  return result;
}

}  // namespace flopwatt
