#include <algorithm>

#include "config/nearest.h"
#include "config/parse_address.h"
#include "config/read_registers.h"
#include "config/sections.h"

namespace flopwatt {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::optional<ModbusAddress> read_address(const YamlNode& node, Reporter& report) {
  const std::string* text = text_of(node, "address", report);
  if (text == nullptr) return std::nullopt;
  const Parsed<ModbusAddress> parsed = parse_modbus_address(*text);
  if (!parsed.value) report.error(node.at, "address: '" + text->substr(0, 60) + "'; " + parsed.advice);
  return parsed.value;
}

void check_bus_is_new(const BusConfig& bus, Position at, const Reading& reading) {
  const auto same = std::ranges::find(reading.config.buses, bus.address, &BusConfig::address);
  if (same != reading.config.buses.end())
    reading.report.error(at, "address: " + bus.address.text() + " is already the bus '" + same->name +
                                 "' in line " + std::to_string(same->at.line) + "; one line is one bus");
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
    for (const std::string_view key : {"baud", "parity", "stop_bits"})
      map.refuse(key, "a setting of serial lines, but the address begins with tcp://; remove it");
  } else {
    for (const std::string_view key : {"baud", "parity", "stop_bits"}) map.refuse_not_yet(key);
  }
  map.read_duration("timeout", {milliseconds(50), seconds(60)}, bus.timeout);
  map.read_duration("turnaround", {microseconds(0), seconds(10)}, bus.turnaround);
  map.finish();
  return bus;
}

// The bus of a meter: by reference, or a line of its own.
void resolve_line(MapReader& map, MeterConfig& meter, const Config& config) {
  Reporter& report = map.report();
  const YamlNode* address_node = map.find("address");
  const YamlNode* bus_node = map.find("bus");
  if ((address_node == nullptr) == (bus_node == nullptr)) {
    report.error(bus_node != nullptr ? bus_node->at : map.at(),
                 "a meter needs either 'address' (tcp://host) or 'bus' (the name of a bus), not both");
    return;
  }
  const BusConfig* bus = nullptr;
  if (bus_node != nullptr) {
    const std::string* name = text_of(*bus_node, "bus", report);
    if (name == nullptr) return;
    const auto found = std::ranges::find(config.buses, *name, &BusConfig::name);
    if (found == config.buses.end()) {
      std::vector<std::string_view> names;
      for (const BusConfig& one : config.buses) names.push_back(one.name);
      report.error(bus_node->at, "bus: there is no bus '" + *name + "'" +
                                     (names.empty() ? "; add it under buses" : suggestion(*name, names)));
      return;
    }
    bus = &*found;
  } else if (const auto address = read_address(*address_node, report)) {
    meter.address = *address;
    meter.bus = address->text();
    const auto found = std::ranges::find(config.buses, *address, &BusConfig::address);
    if (found != config.buses.end()) bus = &*found;
  }
  if (bus == nullptr) return;
  meter.address = bus->address;
  meter.bus = bus->name;
  meter.timeout = bus->timeout;
  meter.pause = bus->turnaround;
}

void read_unit_id(MapReader& map, MeterConfig& meter) {
  const YamlNode* node = map.find("unit_id");
  const auto id = node == nullptr ? std::nullopt : integer_of(*node, "unit_id", map.report());
  if (!id) return;
  if (*id < 0 || (*id > 247 && *id != 255))
    map.report().error(node->at,
                       "unit_id: " + node->text + " is out of range; write 1 to 247, or 0 or 255 (on TCP)");
  else
    meter.unit_id = static_cast<std::uint8_t>(*id);
}

void read_accuracy(MapReader& map, MeterConfig& meter) {
  const YamlNode* node = map.find("accuracy");
  if (node == nullptr) {
    map.report().warn(map.at(),
                      "no accuracy: class 2 is assumed for the uncertainty; write "
                      "accuracy: {class: ..., ct_class: ...} from the meter's data sheet");
    return;
  }
  MapReader accuracy(*node, "accuracy", map.report());
  // Per cent; the worst class of current transformers in IEC 61869-2 is 5.
  const bool known = accuracy.require("class") != nullptr &&
                     accuracy.read_number("class", {0.01, 10}, meter.accuracy.meter_class);
  accuracy.read_number("ct_class", {0, 10}, meter.accuracy.ct_class);
  accuracy.finish();
  meter.accuracy.assumed = !known;
}

void warn_if_useless(const MeterConfig& meter, Position at, Reporter& report) {
  const bool useful =
      meter.profile.has({Quantity::active_power}) || meter.profile.has({Quantity::energy_import});
  if (!meter.profile.registers.empty() && !useful)
    report.warn(at,
                "neither active_power nor energy_import (of the whole) among its registers: no energy can be "
                "accounted from this meter");
}

// `profile` or `registers`, and `max_registers`.
void read_what_to_read(MapReader& map, MeterConfig& meter, ProfileLibrary& profiles) {
  Reporter& report = map.report();
  const YamlNode* profile = map.find("profile");
  const YamlNode* registers = map.find("registers");
  std::int64_t max_registers = 0;
  const YamlNode* max_node = map.find("max_registers");
  const bool limited = map.read_integer("max_registers", {1, 125}, max_registers);
  if ((profile == nullptr) == (registers == nullptr)) {
    report.error(
        profile != nullptr ? registers->at : map.at(),
        "a meter needs either 'profile' (a name as eastron-sdm630, or a path) or 'registers', not both");
    return;
  }
  if (limited) meter.profile.limits.max_registers = static_cast<std::uint16_t>(max_registers);
  if (registers != nullptr) {
    meter.profile.registers = read_registers(*registers, meter.profile.limits, report);
  } else if (const MeterProfile* found = profiles.find(*profile, report)) {
    meter.profile = *found;
    if (limited) meter.profile.limits.max_registers = static_cast<std::uint16_t>(max_registers);
    for (const Register& one : meter.profile.registers)
      if (one.width() > meter.profile.limits.max_registers) {
        report.error(max_node != nullptr ? max_node->at : profile->at,
                     "max_registers: the profile has a value that is " + std::to_string(one.width()) +
                         " registers wide; write at least " + std::to_string(one.width()));
        break;
      }
  }
  warn_if_useless(meter, profile != nullptr ? profile->at : registers->at, report);
}

MeterConfig read_meter(const YamlNode& node, const Reading& reading, ProfileLibrary& profiles) {
  MapReader map(node, "a meter", reading.report);
  MeterConfig meter;
  meter.at = node.at;
  meter.name = reading.names.read(map, "meter");
  resolve_line(map, meter, reading.config);
  read_unit_id(map, meter);
  read_what_to_read(map, meter, profiles);
  read_accuracy(map, meter);
  map.read_text("feed", meter.feed);
  meter.interval = reading.config.interval;
  map.read_duration("interval", {shortest_interval, longest_interval}, meter.interval);
  map.read_duration("pause", {microseconds(0), seconds(10)}, meter.pause);
  map.read_bool("close_after_poll", meter.close_after_poll);
  map.read_bool("accept_unit_mismatch", meter.accept_unit_mismatch);
  map.refuse_not_yet("branches");
  map.refuse("timeout", "a setting of a bus; add one under buses and write bus: <its name>");
  map.finish();
  return meter;
}

}  // namespace

void read_buses(const YamlNode& node, const Reading& reading) {
  NameBook names(false);
  for (const YamlNode& item : items_of(node, "buses", reading.report))
    reading.config.buses.push_back(read_bus(item, reading, names));
}

void read_meters(const YamlNode& node, const Reading& reading, ProfileLibrary& profiles) {
  for (const YamlNode& item : items_of(node, "meters", reading.report))
    reading.config.meters.push_back(read_meter(item, reading, profiles));
}

}  // namespace flopwatt
