#include "config/profiles/read_serial.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/profiles/serial_time.h"

namespace flopwatt {
namespace {

void read_baud(MapReader& map, std::uint32_t& baud) {
  const YamlNode* node = map.find("baud");
  const auto value = node == nullptr ? std::nullopt : integer_of(*node, "baud", map.report());
  if (!value) return;
  if (std::ranges::find(standard_bauds, *value) == standard_bauds.end()) {
    std::string rates;
    for (const std::int64_t one : standard_bauds) rates += ' ' + std::to_string(one);
    map.report().error(node->at, "baud: " + node->text + " is no standard rate; write one of" + rates);
    return;
  }
  baud = static_cast<std::uint32_t>(*value);
}

void read_parity(MapReader& map, Parity& parity) {
  const YamlNode* node = map.find("parity");
  const std::string* text = node == nullptr ? nullptr : text_of(*node, "parity", map.report());
  if (text == nullptr) return;
  constexpr auto parities = std::to_array<std::pair<std::string_view, Parity>>(
      {{"none", Parity::none}, {"even", Parity::even}, {"odd", Parity::odd}});
  for (const auto& [name, value] : parities)
    if (name == *text) {
      parity = value;
      return;
    }
  map.report().error(node->at, "parity: '" + text->substr(0, 60) + "'; write none, even or odd");
}

}  // namespace

SerialSettings read_serial(MapReader& map) {
  SerialSettings serial;
  read_baud(map, serial.baud);
  read_parity(map, serial.parity);
  std::int64_t stop_bits = serial.stop_bits;
  map.read_integer("stop_bits", {1, 2}, stop_bits);
  serial.stop_bits = static_cast<std::uint8_t>(stop_bits);
  return serial;
}

}  // namespace flopwatt
