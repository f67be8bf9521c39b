#include "sensors.h"

#include <algorithm>
#include <cmath>

namespace rack::nvml {
namespace {

double sensed_watts(const Gpu& gpu, std::int64_t beat) {
  const double until = static_cast<double>(beat) * kSensorPeriod;
  return gpu.power.mean(until - gpu.sensed_s, until);
}

// Of the beats in the window, at least one.
double mean_of_sensed(const Gpu& gpu, double t, double window) {
  const auto last = static_cast<std::int64_t>(std::floor(t / kSensorPeriod));
  const std::int64_t beats = std::max<std::int64_t>(1, std::llround(window / kSensorPeriod));
  double sum = 0;
  for (std::int64_t i = 0; i < beats; ++i) sum += sensed_watts(gpu, last - i);
  return sum / static_cast<double>(beats);
}

std::uint32_t mean_mw(const Gpu& gpu, double t, double window) {
  const double until = last_update(t, gpu.architecture->sensor.update);
  const double watts =
      gpu.sensed_s > 0 ? mean_of_sensed(gpu, t, window) : gpu.power.mean(until - window, until);
  return static_cast<std::uint32_t>(std::lround(std::max(0.0, gpu.sensor_gain * watts * 1000)));
}

}  // namespace

double last_update(double t, double period) { return std::floor(t / period) * period; }

std::uint32_t power_mw(const Gpu& gpu, double t) { return mean_mw(gpu, t, gpu.architecture->sensor.window); }
std::uint32_t average_power_mw(const Gpu& gpu, double t) { return mean_mw(gpu, t, 1); }
std::uint32_t instant_power_mw(const Gpu& gpu, double t) {
  return mean_mw(gpu, t, gpu.architecture->sensor.instant_window);
}

double SensedEnergy::joules(const Gpu& gpu, double from, double until) {
  const std::lock_guard lock(mutex_);
  const auto last = static_cast<std::int64_t>(std::floor(until / kSensorPeriod));
  if (from != from_ || last < beat_ || beat_ == 0) {
    from_ = from;
    beat_ = static_cast<std::int64_t>(std::floor(from / kSensorPeriod));
    joules_ = 0;
  }
  while (beat_ < last) joules_ += kSensorPeriod * sensed_watts(gpu, ++beat_);
  return joules_;
}

std::uint64_t energy_mj(const Gpu& gpu, double t, double reload, SensedEnergy& sensed) {
  const double until = last_update(t, kSensorPeriod);
  const double from = std::isnan(reload) ? 0 : std::min(reload, until);
  const double joules = gpu.sensed_s > 0 ? sensed.joules(gpu, from, t) : gpu.power.integral(from, until);
  const double before = std::isnan(reload) ? gpu.energy_offset_j : 0;
  return static_cast<std::uint64_t>(
      std::max(0.0, 1000 * (before + gpu.sensor_gain * gpu.counter_gain * joules)));
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
