// nvmlDeviceGetFieldValues: figures by number, each with a status and a time of its own.
#include <chrono>
#include <random>
#include <thread>

#include "library.h"

using namespace rack::nvml;

namespace {

enum Field : std::uint32_t {
  kMemoryTemperature = 82,
  kTotalEnergy = 83,
  kPowerAverage = 185,
  kPowerInstant = 186,
  kEnergy = 191,
};

void put_unsigned(FieldValue& field, std::uint32_t value) {
  field.value_type = kUnsigned;
  field.value.as_unsigned_long_long = 0;
  field.value.as_unsigned = value;
}

// The time of the figure itself, not of the call: the sensor's last renewal.
std::int64_t timestamp_of(const GpuNow& now, double period) {
  const double age = now.library.state->now() - last_update(now.t, period);
  return rack::realtime_ns() / 1000 - static_cast<std::int64_t>(age * 1e6);
}

void fill(const GpuNow& now, FieldValue& field) {
  const rack::Gpu& gpu = now.gpu();
  field.status = kSuccess;
  field.latency_usec = 0;
  field.timestamp = timestamp_of(now, gpu.architecture->sensor.update);
  switch (field.field_id) {
    case kMemoryTemperature:
      return put_unsigned(field, temperature(gpu, now.t) + 6);
    case kTotalEnergy:
    case kEnergy:
      field.timestamp = timestamp_of(now, rack::kSensorPeriod);
      field.value_type = kUnsignedLongLong;
      field.value.as_unsigned_long_long = now.energy_counter_mj();
      return;
    case kPowerAverage:
      if (!gpu.architecture->sensor.has_average_field || field.scope_id != 0) break;
      return put_unsigned(field, average_power_mw(gpu, now.t));
    case kPowerInstant:
      if (field.scope_id != 0) break;
      return put_unsigned(field, instant_power_mw(gpu, now.t));
    default:
      break;
  }
  field.status = kNotSupported;
}

// The answer is of the call's beginning.
void take_time(const rack::Latency& latency) {
  if (latency.most_ms == 0) return;
  thread_local std::minstd_rand random;
  std::uniform_int_distribution<int> milliseconds(latency.least_ms, latency.most_ms);
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds(random)));
}

}  // namespace

RACK_NVML_EXPORT Return nvmlDeviceGetFieldValues(Device device, int count, FieldValue* fields) {
  return on_device(device, fields && count > 0, [&](const GpuNow& now) {
    take_time(now.gpu().latency);
    for (int i = 0; i < count; ++i) fill(now, fields[i]);
    return kSuccess;
  });
}
