#include "drivers/accelerators/nvidia/pipe_work.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace flopwatt::nvidia {
namespace {

double tensor_rate(const SmRates& rates, Precision precision) {
  switch (precision) {
    case Precision::tf32:
      return rates.tf32_tensor;
    case Precision::fp16:
      return rates.fp16_tensor;
    case Precision::bf16:
      return rates.bf16_tensor;
    case Precision::fp8:
      return rates.fp8_tensor;
  }
  return 0;
}

/// Cycles of full activity; nothing of a pipe that the architecture lacks, whatever its ratio.
double flop(double rate, double ratio, double cycles) { return rate > 0 ? rate * ratio * cycles : 0.0; }

}  // namespace

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::tf32:
      return "tf32";
    case Precision::fp16:
      return "fp16";
    case Precision::bf16:
      return "bf16";
    case Precision::fp8:
      return "fp8";
  }
  return "";
}

Place assumed_place(Precision precision) {
  switch (precision) {
    case Precision::tf32:
      return Place::assumed_tf32;
    case Precision::fp16:
      return Place::assumed_fp16;
    case Precision::bf16:
      return Place::assumed_bf16;
    case Precision::fp8:
      return Place::assumed_fp8;
  }
  return Place::assumed_bf16;
}

std::optional<PipeRates> pipe_rates(const SmRates& rates, unsigned cores, Precision configured) {
  if (cores == 0 || rates.fp32_lanes <= 0) return std::nullopt;
  const double sm_count = static_cast<double>(cores) / rates.fp32_lanes;
  const std::array tensor = {rates.tf32_tensor, rates.fp16_tensor, rates.bf16_tensor, rates.fp8_tensor};
  const double highest = std::ranges::max(tensor);
  const double assumed = tensor_rate(rates, configured);
  if (highest > 0 && assumed <= 0) return std::nullopt;
  double lowest = highest;
  for (const double rate : tensor)
    if (rate > 0) lowest = std::min(lowest, rate);
  return PipeRates{.dfma = rates.fp64_tensor * sm_count,
                   .fp64 = rates.fp64 * sm_count,
                   .fp32 = rates.fp32 * sm_count,
                   .fp16 = rates.fp16 * sm_count,
                   .tensor = assumed * sm_count,
                   .tensor_low = lowest * sm_count,
                   .tensor_high = highest * sm_count};
}

Work& Work::operator+=(const Work& other) {
  fp64 += other.fp64;
  fp32 += other.fp32;
  fp16 += other.fp16;
  tensor += other.tensor;
  low += other.low;
  high += other.high;
  spread += other.spread;
  return *this;
}

std::optional<Work> pipe_work(const PipeRates& rates, const PipeSample& sample) {
  const double clock_sum = sample.clock_begin_hz + sample.clock_end_hz;
  const double cycles = clock_sum / 2 * sample.seconds;
  const PipeRatios& ratio = sample.ratios;
  Work work;
  work.fp64 = flop(rates.dfma, ratio[dfma_pipe], cycles) + flop(rates.fp64, ratio[fp64_pipe], cycles);
  work.fp32 = flop(rates.fp32, ratio[fp32_pipe], cycles);
  work.fp16 = flop(rates.fp16, ratio[fp16_pipe], cycles);
  work.tensor = flop(rates.tensor, ratio[hmma_pipe], cycles);
  const double others = work.fp64 + work.fp32 + work.fp16;
  work.low = others + flop(rates.tensor_low, ratio[hmma_pipe], cycles);
  work.high = others + flop(rates.tensor_high, ratio[hmma_pipe], cycles);
  const double clock_change = std::abs(sample.clock_end_hz - sample.clock_begin_hz);
  work.spread = clock_sum > 0 ? work.total() * clock_change / clock_sum : 0.0;
  // An unknown ratio or clock is NaN and has come through to the sum; where no clock is known, no pipe
  // counted.
  if (std::isnan(work.total()) || std::isnan(clock_sum) || !(sample.seconds > 0)) return std::nullopt;
  return work;
}

std::string_view beyond_peak(const Work& work, double seconds, const Product& product, Precision configured) {
  constexpr double tolerance = 1.05;
  struct Claim {
    std::string_view precision;
    double flop;
  };
  // Vector FP16 has no peak of its own on data sheets, whose figure is that of the tensor pipe.
  const std::array claims = {Claim{"fp64", work.fp64}, Claim{"fp32", work.fp32},
                             Claim{name_of(configured), work.tensor}};
  for (const Claim& claim : claims) {
    const auto peak = product.peak_flop_per_second.find(std::string(claim.precision));
    if (peak != product.peak_flop_per_second.end() && claim.flop > tolerance * peak->second * seconds)
      return claim.precision;
  }
  return "";
}

}  // namespace flopwatt::nvidia
