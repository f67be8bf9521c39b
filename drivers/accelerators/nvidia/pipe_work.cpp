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
  return PipeRates{.dfma = rates.fp64_tensor * sm_count,
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
  const double clock_sum = activity.clock_begin_hz + activity.clock_end_hz;
  const double cycles = clock_sum / 2 * activity.seconds;
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
  const double clock_change = std::abs(activity.clock_end_hz - activity.clock_begin_hz);
  work.spread = clock_sum > 0 ? work.total() * clock_change / clock_sum : 0.0;
  // An unknown ratio or clock is NaN, which makes the sum NaN. The clock is checked by itself, since a pipe
  // that the architecture lacks adds 0 whatever the clock.
  if (std::isnan(work.total()) || std::isnan(clock_sum) || !(activity.seconds > 0)) return std::nullopt;
  return work;
}

}  // namespace flopwatt::nvidia
