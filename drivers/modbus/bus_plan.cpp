#include "drivers/modbus/bus_plan.h"

#include <algorithm>

#include "config/profiles/serial_time.h"
#include "drivers/modbus/registers/read_plan.h"

namespace flopwatt::modbus {

namespace {

using std::chrono::microseconds;

// Model 214 has 124 registers; of 211 to 213 and of 201 to 204 as many or fewer are read.
constexpr std::uint16_t sunspec_registers = 124;

microseconds time_of_request(const MeterConfig& meter, std::uint16_t count) {
  if (meter.address.transport != Transport::rtu) return assumed_latency + meter.pause;
  const microseconds longer_pause = std::max(microseconds(0), meter.pause - frame_silence(meter.serial));
  return longer_pause + exchange_time(meter.serial, count) + assumed_serial_latency;
}

microseconds time_to_poll(const MeterConfig& meter) {
  microseconds time{0};
  if (meter.profile.sunspec) time += time_of_request(meter, sunspec_registers);
  for (const PlannedRead& read : plan_reads(meter.profile.registers, meter.profile.limits).reads)
    time += time_of_request(meter, read.count);
  if (meter.close_after_poll && meter.address.transport != Transport::rtu) time += assumed_latency;
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

Pace pace_of(microseconds interval, microseconds cycle) {
  return 2 * cycle <= interval ? Pace::moving : Pace::steady;
}

std::size_t first_in_turn(std::int64_t beat, std::size_t meters) {
  // Parts of 2^32: the lower half of the product is the fraction of a turn, whatever the beat.
  constexpr std::uint64_t golden = 0x9e3779b9;
  const std::uint64_t turned = (static_cast<std::uint64_t>(beat) * golden) & 0xffffffffU;
  // Backwards: the other way round a meter would be read 0.38 of a cycle later or 0.62 earlier.
  return static_cast<std::size_t>((0xffffffffU - turned) * meters >> 32U);
}

}  // namespace flopwatt::modbus
