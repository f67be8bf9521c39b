#include "drivers/modbus/bus_use.h"

#include <doctest/doctest.h>

#include <sstream>

using namespace flopwatt;
using namespace flopwatt::modbus;

namespace {

std::vector<BusUse> two_units() {
  BusUse bus{
      .bus = "row-a",
      .busy_seconds = 12.5,
      .turnaround_seconds = 11.25,
      .planned_cycle_seconds = 0.35,
      .units = {{.source = "pdu-a", .unit_id = 1, .requests = 300, .failures = {}},
                {.source = "pdu-b", .unit_id = 17, .requests = 9, .failures = {}, .quarantined = true}}};
  bus.units[0].failures.add(FaultClass::timeout, 4);
  bus.units[0].failures.add(FaultClass::crc);
  bus.units[1].failures.add(FaultClass::connection, 8);
  return {bus};
}

}  // namespace

TEST_CASE("the families of buses and units; the bus is a label of the info alone") {
  std::ostringstream lines;
  for (const MetricFamily& family : metric_families(two_units()))
    for (const MetricFamily::Sample& sample : family.samples) {
      const bool counts = family.type == MetricFamily::Type::counter;
      CHECK(counts == family.name.ends_with("_total"));
      lines << family.name;
      for (const auto& [name, value] : sample.labels) lines << ' ' << name << '=' << value;
      lines << ' ' << sample.value << '\n';
    }
  CHECK(lines.str() ==
        "flopwatt_bus_busy_seconds_total bus=row-a 12.5\n"
        "flopwatt_bus_turnaround_seconds_total bus=row-a 11.25\n"
        "flopwatt_bus_planned_cycle_seconds bus=row-a 0.35\n"
        "flopwatt_source_bus_info source=pdu-a bus=row-a unit_id=1 1\n"
        "flopwatt_source_bus_info source=pdu-b bus=row-a unit_id=17 1\n"
        "flopwatt_source_requests_total source=pdu-a 300\n"
        "flopwatt_source_requests_total source=pdu-b 9\n"
        "flopwatt_source_request_failures_total source=pdu-a fault=timeout 4\n"
        "flopwatt_source_request_failures_total source=pdu-a fault=crc 1\n"
        "flopwatt_source_request_failures_total source=pdu-a fault=exception 0\n"
        "flopwatt_source_request_failures_total source=pdu-a fault=protocol 0\n"
        "flopwatt_source_request_failures_total source=pdu-a fault=connection 0\n"
        "flopwatt_source_request_failures_total source=pdu-a fault=device 0\n"
        "flopwatt_source_request_failures_total source=pdu-b fault=timeout 0\n"
        "flopwatt_source_request_failures_total source=pdu-b fault=crc 0\n"
        "flopwatt_source_request_failures_total source=pdu-b fault=exception 0\n"
        "flopwatt_source_request_failures_total source=pdu-b fault=protocol 0\n"
        "flopwatt_source_request_failures_total source=pdu-b fault=connection 8\n"
        "flopwatt_source_request_failures_total source=pdu-b fault=device 0\n"
        "flopwatt_source_quarantined source=pdu-a 0\n"
        "flopwatt_source_quarantined source=pdu-b 1\n");
}

TEST_CASE("the section `buses` of the status") {
  CHECK(status_json({}) == "{}");
  CHECK(status_json(two_units()) ==
        R"({"row-a":{"busy_seconds":1.25E1,"turnaround_seconds":1.125E1,"planned_cycle_seconds":3.5E-1,)"
        R"("units":{"pdu-a":{"unit_id":1,"requests":300,"failures":{"timeout":4,"crc":1,"exception":0,)"
        R"("protocol":0,"connection":0,"device":0},"quarantined":false},)"
        R"("pdu-b":{"unit_id":17,"requests":9,"failures":{"timeout":0,"crc":0,"exception":0,"protocol":0,)"
        R"("connection":8,"device":0},"quarantined":true}}}})");
}
