#include "report.h"

#include "truth.h"

namespace rack {
namespace {

double unix_seconds(const RackState& state, double t) {
  return static_cast<double>(state.start_realtime_ns) * 1e-9 + t;
}

// `of` gives a pipe's operations, over an interval or a second.
template <class F>
void add_work(boost::json::object& gpu, const char* total_key, const char* imma_key, F of) {
  boost::json::object by_pipe;
  double total = 0;
  for (std::size_t i = 0; i < kPipeCount; ++i) {
    const Pipe pipe{i};
    if (!is_floating_point(pipe)) continue;
    by_pipe[kPipeNames[i]] = of(pipe);
    total += of(pipe);
  }
  gpu["by_pipe"] = std::move(by_pipe);
  gpu[total_key] = total;
  gpu[imma_key] = of(Pipe::imma);
}

boost::json::object gpu_between(const Gpu& gpu, double from, double until) {
  boost::json::object result{{"name", gpu.name},
                             {"uuid", gpu.uuid},
                             {"energy_j", gpu.power.integral(from, until)},
                             {"power_w", gpu.power.mean(from, until)}};
  add_work(result, "flop", "imma_op", [&](Pipe pipe) { return pipe_work(gpu, pipe, from, until); });
  return result;
}

boost::json::object gpu_at(const Gpu& gpu, double at) {
  boost::json::object activity;
  for (std::size_t i = 0; i < kPipeCount; ++i) activity[kPipeNames[i]] = gpu.activity[i].value(at);
  boost::json::object result{{"name", gpu.name},
                             {"uuid", gpu.uuid},
                             {"energy_j", gpu.energy_offset_j + gpu.power.integral(0, at)},
                             {"power_w", gpu.power.value(at)},
                             {"activity", std::move(activity)},
                             {"sm_clock_mhz", gpu.sm_clock.value(at)}};
  add_work(result, "flop_per_s", "imma_op_per_s", [&](Pipe pipe) { return pipe_work_rate(gpu, pipe, at); });
  return result;
}

}  // namespace

boost::json::object truth_between(const Load& load, const RackState& state, const Selection& selection,
                                  double from, double until) {
  boost::json::object meters;
  boost::json::object gpus;
  double meter_energy = 0;
  double gpu_energy = 0;
  double work = 0;
  for (const std::size_t i : selection.meters) {
    const Waveform& power = load.meters[i].power;
    meters[load.meters[i].name] = {{"energy_j", power.integral(from, until)},
                                   {"power_w", power.mean(from, until)}};
    meter_energy += power.integral(from, until);
  }
  for (const std::size_t i : selection.gpus) {
    gpus[std::to_string(i)] = gpu_between(load.gpus[i], from, until);
    gpu_energy += load.gpus[i].power.integral(from, until);
    work += flop(load.gpus[i], from, until);
  }
  boost::json::object sums{{"meter_energy_j", meter_energy}, {"gpu_energy_j", gpu_energy}, {"flop", work}};
  // Without work there is no such ratio; null says so.
  sums["joules_per_flop"] = work > 0 && !meters.empty() ? boost::json::value(meter_energy / work) : nullptr;
  sums["gpu_joules_per_flop"] = work > 0 ? boost::json::value(gpu_energy / work) : nullptr;
  return {{"from", unix_seconds(state, from)},
          {"until", unix_seconds(state, until)},
          {"from_s", from},
          {"until_s", until},
          {"seconds", until - from},
          {"meters", std::move(meters)},
          {"gpus", std::move(gpus)},
          {"sum", std::move(sums)}};
}

boost::json::object truth_at(const Load& load, const RackState& state, const Selection& selection,
                             double at) {
  boost::json::object meters;
  boost::json::object gpus;
  double meter_power = 0;
  double gpu_power = 0;
  double work_rate = 0;
  for (const std::size_t i : selection.meters) {
    const Meter& meter = load.meters[i];
    meters[meter.name] = {{"power_w", meter.power.value(at)},
                          {"energy_j", meter.energy_offset_j + meter.power.integral(0, at)}};
    meter_power += meter.power.value(at);
  }
  for (const std::size_t i : selection.gpus) {
    gpus[std::to_string(i)] = gpu_at(load.gpus[i], at);
    gpu_power += load.gpus[i].power.value(at);
    work_rate += flop_rate(load.gpus[i], at);
  }
  boost::json::object sums{
      {"meter_power_w", meter_power}, {"gpu_power_w", gpu_power}, {"flop_per_s", work_rate}};
  return {{"at", unix_seconds(state, at)},
          {"at_s", at},
          {"meters", std::move(meters)},
          {"gpus", std::move(gpus)},
          {"sum", std::move(sums)}};
}

}  // namespace rack
