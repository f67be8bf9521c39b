#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "config/profiles/invert.h"
#include "config/profiles/put_register.h"
#include "config/profiles/read_profile.h"
#include "config/profiles/read_registers.h"
#include "config/profiles/register_limits.h"
#include "config/read_buses.h"
#include "config/sections.h"
#include "config/yaml/nearest.h"
#include "config/yaml/parse_values.h"
#include "config/yaml/plain_text.h"

namespace flopwatt {
namespace {

using std::chrono::seconds;

// What a meter on a serial line may need before its first byte, at the worst.
constexpr std::chrono::milliseconds serial_latency{500};
// Meters behind one address, of which each has a model in the device's chain.
constexpr std::int64_t most_sunspec_models = 16;

// The bus of a meter: by reference, or a line of its own.
void resolve_line(MapReader& map, MeterConfig& meter, const Config& config, bool& timeout_assumed) {
  Reporter& report = map.report();
  const YamlNode* address_node = map.find("address");
  const YamlNode* bus_node = map.find("bus");
  if (address_node == nullptr && bus_node == nullptr) {
    report.error(map.at(), "a meter needs 'address' (tcp://host) or 'bus' (the name of a bus); write one");
    return;
  }
  if (address_node != nullptr && bus_node != nullptr) {
    report.error(bus_node->at, "a meter has either 'address' or 'bus'; remove one of them");
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
  meter.serial = bus->serial;
  if (!bus->timeout_assumed) meter.timeout = bus->timeout;
  timeout_assumed = bus->timeout_assumed;
  meter.pause = bus->turnaround;
}

// On a serial line the answer itself may take longer than any timeout that would suit another line.
void assume_timeout(MeterConfig& meter) {
  if (meter.address.transport != Transport::rtu) return;
  meter.timeout = serial_latency;
  meter.timeout_grows = true;
}

void read_unit_id(MapReader& map, MeterConfig& meter) {
  const YamlNode* node = map.find("unit_id");
  const auto id = node == nullptr ? std::nullopt : integer_of(*node, "unit_id", map.report());
  if (!id) return;
  const bool tcp = meter.address.transport == Transport::tcp;
  const bool good = (*id >= 1 && *id <= 247) || (tcp && (*id == 0 || *id == 255));
  if (good)
    meter.unit_id = static_cast<std::uint8_t>(*id);
  else
    map.report().error(node->at, "unit_id: " + node->text + " is out of range; write 1 to 247" +
                                     (tcp ? ", or 0 or 255 (on TCP)" : ""));
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
  const auto tells_energy = [](const Register& reg) {
    const auto [quantity, place, branch] = reg.channel;
    const bool of_energy = quantity == Quantity::active_power || quantity == Quantity::energy_import;
    return of_energy && (place == Place::whole || place == Place::branch);
  };
  if (!meter.profile.sunspec && !meter.profile.registers.empty() &&
      std::ranges::none_of(meter.profile.registers, tells_energy))
    report.warn(
        at,
        "neither active_power nor energy_import (of the whole or of a branch) among its registers: no "
        "energy can be accounted from this meter");
}

// `max_registers` of a meter goes before that of its profile.
void limit_requests(MeterConfig& meter, std::uint16_t max_registers, const YamlNode& node, Reporter& report) {
  ReadLimits& limits = meter.profile.limits;
  limits.max_registers = max_registers;
  std::uint32_t needed = 0;
  for (const Register& one : meter.profile.registers)
    needed = std::max(needed, needed_registers(one, limits));
  if (needed > max_registers)
    report.error(node.at, "max_registers: the profile has a value that is " + std::to_string(needed) +
                              " registers wide; write at least " + std::to_string(needed));
}

void read_sunspec_model(MapReader& map, MeterConfig& meter) {
  if (!meter.profile.sunspec) {
    map.refuse("sunspec_model", "belongs to profile: sunspec; remove it");
    return;
  }
  std::int64_t number = meter.sunspec_model;
  map.read_integer("sunspec_model", {1, most_sunspec_models}, number);
  meter.sunspec_model = static_cast<std::uint8_t>(number);
}

std::string text_of_register(const Register& reg) {
  const QuantityRow* row = find_row(SourceKind::meter, reg.channel);
  std::string text(row == nullptr ? "a value" : row->name);
  if (reg.channel.place == Place::branch) return text + " of branch " + std::to_string(reg.channel.branch);
  if (const auto label = label_of(reg.channel.place); !label.empty()) text.append(" ").append(label);
  return text;
}

// What a profile knows of the address of `own`, where that is something else; "" where it is the same.
std::string other_in_profile(const Register& own, const std::vector<Register>& profile) {
  const auto same_place = [&](const Register& known) {
    return known.address == own.address && known.function == own.function;
  };
  const auto known = std::ranges::find_if(profile, same_place);
  if (known == profile.end()) return "";
  if (known->channel != own.channel) return "has " + text_of_register(*known) + " there";
  if (known->wire != own.wire || known->encoding != own.encoding) return "has another type there";
  if (known->width() > 1 && known->word_order != own.word_order) return "has another word_order there";
  const double factor = own.scale / known->scale;
  if (known->scaled_by == own.scaled_by && std::abs(factor - 1) > 1e-9)
    return "has another unit or scale there: the value would be " + format_number(factor) +
           " times that of the profile";
  return "";
}

// The meter's own registers: all there are, or beside those of a profile. There each takes the place of the
// profile's register of the same quantity, or comes after all of them.
void read_own_registers(const YamlNode& node, MeterConfig& meter, Reporter& report) {
  std::vector<Register>& all = meter.profile.registers;
  const std::vector<Register> of_profile = all;
  for (Register& own : read_registers(node, meter.profile.limits, Unpublished::refused, report).registers) {
    if (const std::string other = other_in_profile(own, of_profile); !other.empty())
      report.warn(node.at, "registers: " + text_of_register(own) + " is read at address " +
                               std::to_string(own.address) + ", but the profile " + meter.profile.id + ' ' +
                               other);
    put_register(all, std::move(own));
  }
}

// `profile` and `registers`, `max_registers` and `sunspec_model`.
void read_what_to_read(MapReader& map, MeterConfig& meter, ProfileLibrary& profiles) {
  Reporter& report = map.report();
  const YamlNode* profile = map.find("profile");
  const YamlNode* registers = map.find("registers");
  std::int64_t max_registers = 0;
  const YamlNode* max_node = map.find("max_registers");
  const bool limited = map.read_integer("max_registers", {1, 125}, max_registers);
  if (profile == nullptr && registers == nullptr) {
    report.error(map.at(),
                 "a meter needs 'profile' (a name as eastron-sdm630, or a path) or 'registers'; write one");
    return;
  }
  const auto longest = static_cast<std::uint16_t>(max_registers);
  const MeterProfile* found = profile == nullptr ? nullptr : profiles.find(*profile, report);
  if (found != nullptr)
    meter.profile = *found;
  else if (limited)
    meter.profile.limits.max_registers = longest;
  if (registers != nullptr) read_own_registers(*registers, meter, report);
  if (limited && found != nullptr) limit_requests(meter, longest, *max_node, report);
  if (profile != nullptr && found == nullptr) meter.profile.registers.clear();  // not all that it has
  read_sunspec_model(map, meter);
  warn_if_useless(meter, profile != nullptr ? profile->at : registers->at, report);
}

// After `registers`: they are written as the meter tells them.
void read_invert(MapReader& map, MeterConfig& meter) {
  map.read_bool("invert", meter.invert);
  if (!meter.invert) return;
  const auto is_known_before = [&](Quantity quantity, Place place) {
    return std::ranges::any_of(meter.profile.registers, [&](const Register& reg) {
      return reg.channel.quantity == quantity && reg.channel.place == place;
    });
  };
  const YamlNode& node = *map.find("invert");
  if (is_known_before(Quantity::energy_import, Place::whole) &&
      !is_known_before(Quantity::energy_export, Place::whole))
    map.report().warn(
        node.at,
        "invert: no register of exported energy is read, which would be that of imported energy; "
        "power is integrated instead. Add it under registers, with quantity: energy_export");
  if (is_known_before(Quantity::energy_import, Place::branch))
    map.report().warn(
        node.at,
        "invert: the energy registers of branches count what flows the other way, so they are not "
        "read; power is integrated instead");
  meter.profile.registers = inverted(std::move(meter.profile.registers));
}

// The number that a key of `branches` is. nullopt: reported.
std::optional<std::uint16_t> read_branch_number(const YamlEntry& entry, const MeterProfile& profile,
                                                Reporter& report) {
  const Parsed<std::int64_t> number = parse_integer(entry.key);
  const auto is_that = [&](const Register& reg) {
    return reg.channel.place == Place::branch && reg.channel.branch == number.value;
  };
  if (number.value && std::ranges::any_of(profile.registers, is_that))
    return static_cast<std::uint16_t>(*number.value);
  report.error(entry.at, "branches: '" + entry.key.substr(0, 60) +
                             "' is no branch of this meter: none of its registers has that number");
  return std::nullopt;
}

// Why `label` cannot name branch `number`, "" where it can.
std::string label_fault(const std::string& label, std::uint16_t number, const MeterConfig& meter) {
  if (label.empty() || label.size() > 128 || find_non_text(label) != std::string::npos ||
      label.find_first_of("\t\n\r") != std::string::npos)
    return "write 1 to 128 characters, no line breaks or control characters";
  for (const auto& [other, taken] : meter.branch_labels)
    if (taken == label) return "is already the label of branch " + std::to_string(other);
  const Parsed<std::int64_t> as_number = parse_integer(label);
  if (as_number.value && *as_number.value != number)
    return "is a number, which would be taken for another branch";
  return "";
}

void read_branches(MapReader& map, MeterConfig& meter) {
  const YamlNode* node = map.find("branches");
  if (node == nullptr) return;
  Reporter& report = map.report();
  const MapReader checked(*node, "branches", report);
  for (const YamlEntry& entry : node->entries) {
    const std::string* label = text_of(entry.value, "branches", report);
    const auto number = meter.profile.registers.empty() && !meter.profile.sunspec
                            ? std::nullopt  // its registers are wrong, which is reported
                            : read_branch_number(entry, meter.profile, report);
    if (label == nullptr || !number) continue;
    const std::string fault = label_fault(*label, *number, meter);
    if (fault.empty())
      meter.branch_labels.emplace(*number, *label);
    else
      report.error(entry.value.at, "branches: '" + label->substr(0, 60) + "' " + fault);
  }
}

MeterConfig read_meter(const YamlNode& node, const Reading& reading, ProfileLibrary& profiles) {
  MapReader map(node, "a meter", reading.report);
  MeterConfig meter;
  meter.at = node.at;
  meter.name = reading.names.read(map, "meter");
  bool timeout_assumed = true;
  resolve_line(map, meter, reading.config, timeout_assumed);
  read_unit_id(map, meter);
  read_what_to_read(map, meter, profiles);
  map.read_duration("refresh", refresh_range, meter.profile.refresh);  // goes before that of the profile
  if (timeout_assumed) assume_timeout(meter);
  read_branches(map, meter);
  read_invert(map, meter);
  read_accuracy(map, meter);
  map.read_text("feed", meter.feed);
  meter.interval = reading.config.interval;
  map.read_duration("interval", {shortest_interval, longest_interval}, meter.interval);
  map.read_duration("pause", {microseconds(0), seconds(10)}, meter.pause);
  map.read_bool("close_after_poll", meter.close_after_poll);
  map.read_bool("accept_unit_mismatch", meter.accept_unit_mismatch);
  if (meter.accept_unit_mismatch && meter.address.transport != Transport::tcp)
    map.refuse("accept_unit_mismatch",
               "on a shared line only the unit_id says which meter answers; remove it");
  map.refuse("timeout", "a setting of a bus; add one under buses and write bus: <its name>");
  map.finish();
  return meter;
}

}  // namespace

void read_meters(const YamlNode& node, const Reading& reading, ProfileLibrary& profiles) {
  for (const YamlNode& item : items_of(node, "meters", reading.report))
    reading.config.meters.push_back(read_meter(item, reading, profiles));
}

}  // namespace flopwatt
