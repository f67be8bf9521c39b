#include "drivers/modbus/bus_use.h"

#include <boost/json.hpp>
#include <string_view>
#include <utility>

namespace flopwatt::modbus {
namespace {

namespace json = boost::json;
using Type = MetricFamily::Type;

void add_buses(std::vector<MetricFamily>& families, const std::vector<BusUse>& buses) {
  const auto of_bus = [&](Type type, std::string_view name, std::string_view help, double BusUse::*value) {
    MetricFamily& family = families.emplace_back(MetricFamily{name, help, type});
    for (const BusUse& bus : buses) family.samples.push_back({{{"bus", bus.bus}}, bus.*value});
  };
  of_bus(Type::counter, "flopwatt_bus_busy_seconds_total",
         "Time in which a request was in progress on the bus.", &BusUse::busy_seconds);
  of_bus(Type::counter, "flopwatt_bus_turnaround_seconds_total",
         "Time from sending requests to having their answers, of those that were answered.",
         &BusUse::turnaround_seconds);
  of_bus(Type::gauge, "flopwatt_bus_planned_cycle_seconds",
         "How long it takes to poll every meter of the bus once, as planned from its settings.",
         &BusUse::planned_cycle_seconds);
}

// The bus is a label of the info alone.
void add_units(std::vector<MetricFamily>& families, const std::vector<BusUse>& buses) {
  MetricFamily info{"flopwatt_source_bus_info", "Which bus a source is on, and its unit there.", Type::gauge};
  MetricFamily requests{"flopwatt_source_requests_total", "Requests sent to the source, repeated ones too.",
                        Type::counter};
  MetricFamily failures{"flopwatt_source_request_failures_total", "Requests that failed, by class of fault.",
                        Type::counter};
  MetricFamily quarantined{"flopwatt_source_quarantined",
                           "1 while the source is left alone after failures, and only tried once in a while.",
                           Type::gauge};
  for (const BusUse& bus : buses)
    for (const UnitUse& unit : bus.units) {
      const MetricFamily::Label source{"source", unit.source};
      info.samples.push_back({{source, {"bus", bus.bus}, {"unit_id", std::to_string(unit.unit_id)}}, 1});
      requests.samples.push_back({{source}, static_cast<double>(unit.requests)});
      for (const FaultClass fault : all_fault_classes)
        failures.samples.push_back(
            {{source, {"fault", std::string(name_of(fault))}}, static_cast<double>(unit.failures[fault])});
      quarantined.samples.push_back({{source}, unit.quarantined ? 1.0 : 0.0});
    }
  for (MetricFamily* family : {&info, &requests, &failures, &quarantined})
    families.push_back(std::move(*family));
}

json::object unit_object(const UnitUse& unit) {
  json::object failures;
  for (const FaultClass fault : all_fault_classes) failures[name_of(fault)] = unit.failures[fault];
  return {{"unit_id", unit.unit_id},
          {"requests", unit.requests},
          {"failures", std::move(failures)},
          {"quarantined", unit.quarantined}};
}

}  // namespace

std::vector<MetricFamily> metric_families(const std::vector<BusUse>& buses) {
  std::vector<MetricFamily> families;
  add_buses(families, buses);
  add_units(families, buses);
  return families;
}

std::string status_json(const std::vector<BusUse>& buses) {
  json::object all;
  for (const BusUse& bus : buses) {
    json::object units;
    for (const UnitUse& unit : bus.units) units[unit.source] = unit_object(unit);
    all[bus.bus] = {{"busy_seconds", bus.busy_seconds},
                    {"turnaround_seconds", bus.turnaround_seconds},
                    {"planned_cycle_seconds", bus.planned_cycle_seconds},
                    {"units", std::move(units)}};
  }
  return json::serialize(all);
}

}  // namespace flopwatt::modbus
