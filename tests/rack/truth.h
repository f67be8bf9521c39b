// The truth of the simulated rack: exact power, energy and work at any time. Times are seconds since the rack
// started and may be negative, the loads reach back for ever.
#pragma once

#include "load.h"

namespace rack {

// FLOP (for imma: integer operations) of one pipe per second at full activity.
double pipe_peak(const Gpu& gpu, Pipe pipe);
double pipe_work(const Gpu& gpu, Pipe pipe, double from, double until);
double pipe_work_rate(const Gpu& gpu, Pipe pipe, double t);
// Over all pipes that do floating-point work; IMMA multiplies integers, which is no FLOP.
double flop(const Gpu& gpu, double from, double until);
double flop_rate(const Gpu& gpu, double t);

inline bool is_floating_point(Pipe pipe) { return pipe != Pipe::imma; }

}  // namespace rack
