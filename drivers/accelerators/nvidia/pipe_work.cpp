#include "drivers/accelerators/nvidia/pipe_work.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "drivers/accelerators/nvidia/pipes.h"
#include "readings/precision.h"

namespace flopwatt::nvidia {
namespace {

using accelerators::Activity;
using accelerators::Work;

double tensor_rate(const SmRates& rates, Place precision) {
  switch (precision) {
    case Place::tf32:
      return rates.tf32_tensor;
    case Place::fp16:
      return rates.fp16_tensor;
    case Place::bf16:
      return rates.bf16_tensor;
    case Place::fp8:
      return rates.fp8_tensor;
    default:
      return 0;
  }
}

/// Cycles of full activity; nothing of a pipe that the architecture lacks, whatever its ratio.
double flop(double rate, double ratio, double cycles) { return rate > 0 ? rate * ratio * cycles : 0.0; }

/// Cycles of one SM in an interval, and sqrt(3) times their relative standard uncertainty.
struct Cycles {
  double elapsed = absent;
  double spread = 0;
};

/// `absent` where the device counts none, or not its SM's.
double counted_cycles(const Activity& activity, double sm_count) {
  constexpr double fastest_hz = 5e9;     // faster than any SM, slower than twenty at their idle clock
  constexpr double slowest_share = 0.1;  // of the slower of the two clocks
  const double most = fastest_hz * activity.seconds;
  const double cycles = activity.cycles > most ? activity.cycles / sm_count : activity.cycles;
  const double slowest_hz = std::min(activity.clock_begin_hz, activity.clock_end_hz);
  const bool is_too_few = cycles < slowest_share * slowest_hz * activity.seconds;  // false where unknown
  return cycles <= most && !is_too_few ? cycles : absent;
}

Cycles cycles_of(const Activity& activity, double sm_count) {
  if (const double counted = counted_cycles(activity, sm_count); is_known(counted)) return {counted, 0};
  const double clock_sum = activity.clock_begin_hz + activity.clock_end_hz;
  const double change = activity.clock_end_hz - activity.clock_begin_hz;
  const double before = activity.clock_begin_hz - activity.clock_before_hz;
  const double back_and_forth = is_known(before) ? std::max(0.0, -change * before) : 0.0;
  const double variance = change * change / 12 + 5.0 / 6 * back_and_forth;
  return {clock_sum / 2 * activity.seconds, clock_sum > 0 ? std::sqrt(3 * variance) / (clock_sum / 2) : 0.0};
}

}  // namespace

SmRates sm_rates(const Rates& rates) {
  const auto rate = [&rates](std::string_view name) {
    const auto found = rates.find(name);
    return found == rates.end() ? 0.0 : found->second;
  };
  return {.fp64 = rate("fp64"),
          .fp64_tensor = rate("fp64_tensor"),
          .fp32 = rate("fp32"),
          .fp16 = rate("fp16"),
          .tf32_tensor = rate("tf32_tensor"),
          .fp16_tensor = rate("fp16_tensor"),
          .bf16_tensor = rate("bf16_tensor"),
          .fp8_tensor = rate("fp8_tensor"),
          .fp32_lanes = rate("fp32_lanes")};
}

std::optional<PipeRates> pipe_rates(const SmRates& rates, unsigned cores, Place configured) {
  if (cores == 0 || rates.fp32_lanes <= 0) return std::nullopt;
  const double sm_count = cores / rates.fp32_lanes;
  const std::array tensor = {rates.tf32_tensor, rates.fp16_tensor, rates.bf16_tensor, rates.fp8_tensor};
  const double highest = std::ranges::max(tensor);
  const double assumed_rate = tensor_rate(rates, configured);
  if (highest > 0 && assumed_rate <= 0) return std::nullopt;
  double lowest = highest;
  for (const double rate : tensor)
    if (rate > 0) lowest = std::min(lowest, rate);
  return PipeRates{.sm_count = sm_count,
                   .dfma = rates.fp64_tensor * sm_count,
                   .fp64 = rates.fp64 * sm_count,
                   .fp32 = rates.fp32 * sm_count,
                   .fp16 = rates.fp16 * sm_count,
                   .tensor = assumed_rate * sm_count,
                   .tensor_low = lowest * sm_count,
                   .tensor_high = highest * sm_count,
                   .tensor_precision = assumed(configured)};
}

std::optional<Work> pipe_work(const PipeRates& rates, const Activity& activity) {
  if (activity.ratios.size() != pipes.size()) return std::nullopt;
  const auto [cycles, spread] = cycles_of(activity, rates.sm_count);
  const std::vector<double>& ratio = activity.ratios;
  const double fp64 = flop(rates.dfma, ratio[dfma_pipe], cycles) + flop(rates.fp64, ratio[fp64_pipe], cycles);
  const double fp32 = flop(rates.fp32, ratio[fp32_pipe], cycles);
  const double fp16 = flop(rates.fp16, ratio[fp16_pipe], cycles);
  Work work{.parts = {{Place::fp64, fp64},
                      {Place::fp32, fp32},
                      {Place::fp16, fp16},
                      {rates.tensor_precision, flop(rates.tensor, ratio[hmma_pipe], cycles)}}};
  const double others = fp64 + fp32 + fp16;
  work.low = others + flop(rates.tensor_low, ratio[hmma_pipe], cycles);
  work.high = others + flop(rates.tensor_high, ratio[hmma_pipe], cycles);
  work.spread = work.total() * spread;
  // An unknown ratio or clock is NaN, which makes the sum NaN. Cycles are checked by themselves, since a pipe
  // that the architecture lacks adds 0 whatever they are.
  if (std::isnan(work.total()) || std::isnan(cycles) || !(activity.seconds > 0)) return std::nullopt;
  return work;
}

}  // namespace flopwatt::nvidia
