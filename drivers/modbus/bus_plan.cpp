#include "drivers/modbus/bus_plan.h"

#include <algorithm>

#include "config/serial_time.h"
#include "drivers/modbus/read_plan.h"
#include "drivers/modbus/rtu.h"

namespace flopwatt::modbus {

namespace {

using std::chrono::microseconds;

microseconds serial_request(const MeterConfig& meter, const PlannedRead& read) {
  const microseconds silence = frame_silence(meter.serial);
  const std::size_t bytes = rtu_request_size + rtu_answer_size({.count = read.count});
  return std::max(silence, meter.pause) + wire_time(meter.serial, bytes) + silence + assumed_serial_latency;
}

microseconds time_to_poll(const MeterConfig& meter) {
  const bool serial = meter.address.transport == Transport::rtu;
  microseconds time{0};
  for (const PlannedRead& read : plan_reads(meter.profile.registers, meter.profile.limits).reads)
    time += serial ? serial_request(meter, read) : assumed_latency + meter.pause;
  if (meter.close_after_poll && !serial) time += assumed_latency;
  return time;
}

}  // namespace

microseconds planned_cycle(const std::vector<const MeterConfig*>& meters) {
  microseconds cycle{0};
  for (const MeterConfig* meter : meters) cycle += time_to_poll(*meter);
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
