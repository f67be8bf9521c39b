// The truth as a GPU's own sensors report it: averaged over the window and renewed at the
// pace of its generation.
#pragma once

#include <cstdint>
#include <mutex>

#include "load.h"

namespace rack::nvml {

// When the sensor last renewed a figure that changes each `period` seconds.
double last_update(double t, double period);
std::uint32_t power_mw(const Gpu& gpu, double t);
std::uint32_t average_power_mw(const Gpu& gpu, double t);
std::uint32_t instant_power_mw(const Gpu& gpu, double t);

// The energy of a GPU as a sensor that does not see all of it adds it up, each 100 ms. It remembers how far it
// has come, so that a call costs what is new. Any thread.
class SensedEnergy {
 public:
  // From a moment to the last renewal before another; moments may go back.
  double joules(const Gpu& gpu, double from, double until);

 private:
  std::mutex mutex_;
  double from_ = 0;
  std::int64_t beat_ = 0;  // the last that is in the sum
  double joules_ = 0;
};

// Since the driver was loaded: before the rack started, or at `reload` where that is not NaN.
std::uint64_t energy_mj(const Gpu& gpu, double t, double reload, SensedEnergy& sensed);
std::uint32_t utilization_percent(const Waveform& utilization, double t);
std::uint32_t temperature(const Gpu& gpu, double t);
std::uint64_t clock_event_reasons(const Gpu& gpu, double t);

}  // namespace rack::nvml
