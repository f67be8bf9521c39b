#include "drivers/modbus/bus_plan.h"

#include <algorithm>

#include "drivers/modbus/read_plan.h"

namespace flopwatt::modbus {

std::chrono::microseconds planned_cycle(const std::vector<const MeterConfig*>& meters) {
  std::chrono::microseconds cycle{0};
  for (const MeterConfig* meter : meters) {
    const auto requests = plan_reads(meter->profile.registers, meter->profile.limits).size();
    cycle += (assumed_latency + meter->pause) * requests;
    if (meter->close_after_poll) cycle += assumed_latency;
  }
  return cycle;
}

std::vector<BusPlan> plan_buses(const Config& config) {
  std::vector<BusPlan> buses;
  for (const MeterConfig& meter : config.meters) {
    auto bus = std::ranges::find(buses, meter.address, &BusPlan::address);
    if (bus == buses.end()) bus = buses.insert(bus, BusPlan{meter.address, {}, {}});
    bus->meters.push_back(&meter);
  }
  for (BusPlan& bus : buses) bus.cycle = planned_cycle(bus.meters);
  return buses;
}

}  // namespace flopwatt::modbus
