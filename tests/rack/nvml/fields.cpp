// nvmlDeviceGetFieldValues: figures by number, each with a status and a time of its own.
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
  const double age = now.t - last_update(now.t, period);
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
      field.timestamp = timestamp_of(now, kEnergyPeriod);
      field.value_type = kUnsignedLongLong;
      field.value.as_unsigned_long_long = energy_mj(gpu, now.t, now.reload());
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

}  // namespace

RACK_NVML_EXPORT Return nvmlDeviceGetFieldValues(Device device, int count, FieldValue* fields) {
  return on_device(device, fields && count > 0, [&](const GpuNow& now) {
    for (int i = 0; i < count; ++i) fill(now, fields[i]);
    return kSuccess;
  });
}
