// Time of a rack that goes by at once, so that no test has to wait for it.
#pragma once

#include <cmath>

#include "state.h"

namespace rack {

// To that time of the rack, give or take the milliseconds that a test takes. All moments stay where they were.
inline void skip_to(RackState& state, double t) {
  const std::int64_t skipped = std::llround((t - state.now()) * 1e9);
  state.start_monotonic_ns -= skipped;
  const auto shift = [&](Switch& moment) {
    if (moment.load()) moment -= skipped;
  };
  for (MeterSwitches& meter : state.meters)
    for (const MeterFault fault : {MeterFault::counter_reset, MeterFault::freeze, MeterFault::energy_freeze})
      shift(meter.faults[static_cast<std::size_t>(fault)]);
  for (GpuSwitches& gpu : state.gpus)
    for (const GpuFault fault : {GpuFault::energy_reset, GpuFault::energy_freeze}) shift(gpu[fault]);
}

}  // namespace rack
