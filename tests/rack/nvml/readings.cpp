// Exported functions for the state of a GPU: power, energy, clocks, temperature, utilisation.
#include "library.h"

using namespace rack::nvml;

namespace {

enum Clock : int { kGraphics = 0, kSm = 1, kMemory = 2, kVideo = 3 };

Return write_clock(const GpuNow& now, int type, bool maximum, unsigned* mhz) {
  const rack::Gpu& gpu = now.gpu();
  const auto current = static_cast<unsigned>(std::lround(gpu.sm_clock.value(now.t)));
  switch (type) {
    case kGraphics:
    case kSm:
      *mhz = maximum ? gpu.max_sm_clock_mhz : current;
      return kSuccess;
    case kMemory:
      *mhz = gpu.memory_clock_mhz;
      return kSuccess;
    case kVideo:
      *mhz = (maximum ? gpu.max_sm_clock_mhz : current) * 9 / 10;
      return kSuccess;
    default:
      return kInvalidArgument;
  }
}

Return write_limit(Device device, unsigned* milliwatts) {
  return on_device(device, milliwatts, [&](const GpuNow& now) {
    *milliwatts = static_cast<unsigned>(now.gpu().power_limit_w * 1000);
    return kSuccess;
  });
}

Return write_reasons(Device device, unsigned long long* reasons) {
  return on_device(device, reasons, [&](const GpuNow& now) {
    *reasons = clock_event_reasons(now.gpu(), now.t);
    return kSuccess;
  });
}

}  // namespace

RACK_NVML_EXPORT Return nvmlDeviceGetPowerUsage(Device device, unsigned* milliwatts) {
  return on_device(device, milliwatts, [&](const GpuNow& now) {
    *milliwatts = power_mw(now.gpu(), now.t);
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetTotalEnergyConsumption(Device device, unsigned long long* millijoules) {
  return on_device(device, millijoules, [&](const GpuNow& now) {
    *millijoules = now.energy_counter_mj();
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetEnforcedPowerLimit(Device device, unsigned* milliwatts) {
  return write_limit(device, milliwatts);
}

RACK_NVML_EXPORT Return nvmlDeviceGetPowerManagementLimit(Device device, unsigned* milliwatts) {
  return write_limit(device, milliwatts);
}

RACK_NVML_EXPORT Return nvmlDeviceGetUtilizationRates(Device device, Utilization* rates) {
  return on_device(device, rates, [&](const GpuNow& now) {
    *rates = {utilization_percent(now.gpu().graphics, now.t), utilization_percent(now.gpu().dram, now.t)};
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetClockInfo(Device device, int type, unsigned* mhz) {
  return on_device(device, mhz, [&](const GpuNow& now) { return write_clock(now, type, false, mhz); });
}

RACK_NVML_EXPORT Return nvmlDeviceGetMaxClockInfo(Device device, int type, unsigned* mhz) {
  return on_device(device, mhz, [&](const GpuNow& now) { return write_clock(now, type, true, mhz); });
}

RACK_NVML_EXPORT Return nvmlDeviceGetClock(Device device, int type, int id, unsigned* mhz) {
  constexpr int kCurrent = 0;
  constexpr int kBoostMaximum = 3;
  return on_device(device, mhz, [&](const GpuNow& now) {
    if (id < kCurrent || id > kBoostMaximum) return kInvalidArgument;
    if (id != kCurrent && id != kBoostMaximum) return kNotSupported;
    return write_clock(now, type, id == kBoostMaximum, mhz);
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetTemperature(Device device, int sensor, unsigned* celsius) {
  return on_device(device, celsius && sensor == 0, [&](const GpuNow& now) {
    *celsius = temperature(now.gpu(), now.t);
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetCurrentClocksEventReasons(Device device, unsigned long long* reasons) {
  return write_reasons(device, reasons);
}

// The name that older drivers know it by.
RACK_NVML_EXPORT Return nvmlDeviceGetCurrentClocksThrottleReasons(Device device,
                                                                  unsigned long long* reasons) {
  return write_reasons(device, reasons);
}
