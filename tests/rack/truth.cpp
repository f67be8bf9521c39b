#include "truth.h"

namespace rack {

double pipe_peak(const Gpu& gpu, Pipe pipe) {
  return gpu.operations_per_clock[static_cast<std::size_t>(pipe)] * gpu.sm_count() * gpu.sm_clock_mhz * 1e6;
}

double pipe_work(const Gpu& gpu, Pipe pipe, double from, double until) {
  return pipe_peak(gpu, pipe) * gpu.activity[static_cast<std::size_t>(pipe)].integral(from, until);
}

double pipe_work_rate(const Gpu& gpu, Pipe pipe, double t) {
  return pipe_peak(gpu, pipe) * gpu.activity[static_cast<std::size_t>(pipe)].value(t);
}

double flop(const Gpu& gpu, double from, double until) {
  double sum = 0;
  for (std::size_t i = 0; i < kPipeCount; ++i)
    if (const Pipe pipe{i}; is_floating_point(pipe)) sum += pipe_work(gpu, pipe, from, until);
  return sum;
}

double flop_rate(const Gpu& gpu, double t) {
  double sum = 0;
  for (std::size_t i = 0; i < kPipeCount; ++i)
    if (const Pipe pipe{i}; is_floating_point(pipe)) sum += pipe_work_rate(gpu, pipe, t);
  return sum;
}

}  // namespace rack
