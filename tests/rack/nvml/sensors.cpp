#include "sensors.h"

#include <algorithm>
#include <cmath>

namespace rack::nvml {
namespace {

std::uint32_t mean_mw(const Gpu& gpu, double t, double window) {
  const double until = last_update(t, gpu.architecture->sensor.update);
  const double watts = gpu.sensor_gain * gpu.power.mean(until - window, until);
  return static_cast<std::uint32_t>(std::lround(std::max(0.0, watts * 1000)));
}

}  // namespace

double last_update(double t, double period) { return std::floor(t / period) * period; }

std::uint32_t power_mw(const Gpu& gpu, double t) { return mean_mw(gpu, t, gpu.architecture->sensor.window); }
std::uint32_t average_power_mw(const Gpu& gpu, double t) { return mean_mw(gpu, t, 1); }
std::uint32_t instant_power_mw(const Gpu& gpu, double t) {
  return mean_mw(gpu, t, gpu.architecture->sensor.instant_window);
}

std::uint64_t energy_mj(const Gpu& gpu, double t, double reload) {
  const double until = last_update(t, kEnergyPeriod);
  const double joules = std::isnan(reload)
                            ? gpu.energy_offset_j + gpu.sensor_gain * gpu.power.integral(0, until)
                            : gpu.sensor_gain * gpu.power.integral(std::min(reload, until), until);
  return static_cast<std::uint64_t>(std::max(0.0, joules * 1000));
}

std::uint32_t utilization_percent(const Waveform& utilization, double t) {
  return static_cast<std::uint32_t>(std::lround(100 * std::clamp(utilization.mean(t - 1, t), 0.0, 1.0)));
}

std::uint32_t temperature(const Gpu& gpu, double t) {
  // Half a minute of thermal mass between 28 C and 78 C.
  const double load = gpu.power.mean(t - 30, t) / gpu.power_limit_w;
  return static_cast<std::uint32_t>(std::lround(28 + 50 * std::clamp(load, 0.0, 1.2)));
}

std::uint64_t clock_event_reasons(const Gpu& gpu, double t) {
  constexpr std::uint64_t kIdle = 0x1;
  constexpr std::uint64_t kPowerCap = 0x4;
  const double power = gpu.power.value(t);
  if (power <= gpu.idle_power_w * 1.01) return kIdle;
  return power >= gpu.power_limit_w ? kPowerCap : 0;
}

}  // namespace rack::nvml
