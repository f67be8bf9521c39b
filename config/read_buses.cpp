#include "config/read_buses.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "config/parse_address.h"
#include "config/sections.h"
#include "config/serial_time.h"

namespace flopwatt {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

void check_bus_is_new(const BusConfig& bus, Position at, const Reading& reading) {
  const auto same = std::ranges::find(reading.config.buses, bus.address, &BusConfig::address);
  if (same != reading.config.buses.end())
    reading.report.error(at, "address: " + bus.address.text() + " is already the bus '" + same->name +
                                 "' in line " + std::to_string(same->at.line) + "; one line is one bus");
}

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

// Settings of the line, or why there are none.
void read_line_settings(MapReader& map, const std::optional<ModbusAddress>& address, BusConfig& bus) {
  if (!address || address->transport == Transport::rtu) {
    bus.serial = read_serial(map);
    return;
  }
  const std::string reason = address->transport == Transport::rtu_tcp
                                 ? "of the line behind the serial device server; set it there and remove it"
                                 : "a setting of serial lines, but the address begins with tcp://; remove it";
  for (const std::string_view key : {"baud", "parity", "stop_bits"}) map.refuse(key, reason);
}

BusConfig read_bus(const YamlNode& node, const Reading& reading, NameBook& names) {
  MapReader map(node, "a bus", reading.report);
  BusConfig bus;
  bus.at = node.at;
  bus.name = names.read(map, "bus");
  const YamlNode* address_node = map.require("address");
  const auto address = address_node == nullptr ? std::nullopt : read_address(*address_node, reading.report);
  if (address) {
    bus.address = *address;
    check_bus_is_new(bus, address_node->at, reading);
  }
  read_line_settings(map, address, bus);
  bus.timeout_assumed = !map.read_duration("timeout", {milliseconds(50), seconds(60)}, bus.timeout);
  map.read_duration("turnaround", {microseconds(0), seconds(10)}, bus.turnaround);
  map.finish();
  return bus;
}

}  // namespace

std::optional<ModbusAddress> read_address(const YamlNode& node, Reporter& report) {
  const std::string* text = text_of(node, "address", report);
  if (text == nullptr) return std::nullopt;
  const Parsed<ModbusAddress> parsed = parse_modbus_address(*text);
  if (!parsed.value) report.error(node.at, "address: '" + text->substr(0, 60) + "'; " + parsed.advice);
  return parsed.value;
}

SerialSettings read_serial(MapReader& map) {
  SerialSettings serial;
  read_baud(map, serial.baud);
  read_parity(map, serial.parity);
  std::int64_t stop_bits = serial.stop_bits;
  map.read_integer("stop_bits", {1, 2}, stop_bits);
  serial.stop_bits = static_cast<std::uint8_t>(stop_bits);
  return serial;
}

void read_buses(const YamlNode& node, const Reading& reading) {
  NameBook names(false);
  for (const YamlNode& item : items_of(node, "buses", reading.report))
    reading.config.buses.push_back(read_bus(item, reading, names));
}

}  // namespace flopwatt
