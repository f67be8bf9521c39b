// The truth as a GPU's own sensors report it: averaged over the window and renewed at the
// pace of its generation.
#pragma once

#include <cstdint>

#include "load.h"

namespace rack::nvml {

// When the sensor last renewed a figure that changes each `period` seconds.
double last_update(double t, double period);
std::uint32_t power_mw(const Gpu& gpu, double t);
std::uint32_t average_power_mw(const Gpu& gpu, double t);
std::uint32_t instant_power_mw(const Gpu& gpu, double t);
inline constexpr double kEnergyPeriod = 0.1;
// Since the driver was loaded: before the rack started, or at `reload` where that is not NaN.
std::uint64_t energy_mj(const Gpu& gpu, double t, double reload);
std::uint32_t utilization_percent(const Waveform& utilization, double t);
std::uint32_t temperature(const Gpu& gpu, double t);
std::uint64_t clock_event_reasons(const Gpu& gpu, double t);

}  // namespace rack::nvml
