#include "config/read_buses.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "config/parse_address.h"
#include "config/profiles/read_serial.h"
#include "config/sections.h"

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

BusConfig read_bus(const YamlNode& node, const Reading& reading, UniqueNames& names) {
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

void read_buses(const YamlNode& node, const Reading& reading) {
  UniqueNames names;
  for (const YamlNode& item : items_of(node, "buses", reading.report))
    reading.config.buses.push_back(read_bus(item, reading, names));
}

}  // namespace flopwatt
