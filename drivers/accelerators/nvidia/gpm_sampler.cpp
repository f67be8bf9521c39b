#include "drivers/accelerators/nvidia/gpm_sampler.h"

#include <cmath>

#include "drivers/accelerators/nvidia/pipes.h"

namespace flopwatt::nvidia {
namespace {

using accelerators::Activity;
using accelerators::DeviceFailure;

/// In the order of `pipes`.
constexpr std::array metric_ids = {abi::gpm_hmma_tensor, abi::gpm_imma_tensor, abi::gpm_dfma_tensor,
                                   abi::gpm_fp64,        abi::gpm_fp32,        abi::gpm_fp16};
static_assert(metric_ids.size() == pipes.size());

DeviceFailure failure(std::string_view call, abi::Return code) {
  return {static_cast<int>(code), std::string(call) + ": " + text_of(code)};
}

double ratio_of(const abi::GpmMetric& metric) {
  constexpr double whole = 100.0;
  constexpr double rounding = 0.005;  // a full pipe is reported as 100.0 or a hair more
  if (metric.status != abi::Return::success) return absent;
  const double ratio = metric.value / whole;
  return ratio >= 0.0 && ratio <= 1.0 + rounding ? ratio : absent;  // false for NaN, too
}

}  // namespace

Result<std::unique_ptr<GpmSampler>, DeviceFailure> GpmSampler::make(const NvmlFunctions& functions,
                                                                    abi::Device device) {
  abi::GpmSupport support;
  const abi::Return asked = functions.gpm_query_device_support(device, &support);
  if (asked != abi::Return::success) return failure("nvmlGpmQueryDeviceSupport", asked);
  if (support.is_supported == 0) return failure("nvmlGpmQueryDeviceSupport", abi::Return::not_supported);
  std::unique_ptr<GpmSampler> sampler(new GpmSampler(functions, device));
  for (Sample& sample : sampler->samples_) {
    const abi::Return code = functions.gpm_sample_alloc(&sample.memory);
    if (code != abi::Return::success) return failure("nvmlGpmSampleAlloc", code);
  }
  return sampler;
}

GpmSampler::~GpmSampler() {
  for (const Sample& sample : samples_)
    if (sample.memory != nullptr) functions_.gpm_sample_free(sample.memory);
}

abi::Return GpmSampler::take() {
  Sample& next = samples_[1 - newest_];
  const auto begun = Clock::now();
  const abi::Return code = functions_.gpm_sample_get(device_, next.memory);
  if (code != abi::Return::success) {
    forget();
    return code;
  }
  next.time = begun + (Clock::now() - begun) / 2;
  next.clock_hz = next.cycles = absent;
  next.clock_before_hz = samples_[newest_].valid ? samples_[newest_].clock_hz : absent;
  next.valid = true;
  newest_ = 1 - newest_;
  return code;
}

void GpmSampler::note_clock(std::optional<std::uint32_t> mhz) {
  constexpr double hz_per_mhz = 1e6;
  samples_[newest_].clock_hz = mhz ? *mhz * hz_per_mhz : absent;
}

void GpmSampler::forget() {
  for (Sample& sample : samples_) sample.valid = false;
}

bool GpmSampler::may_take(Clock::time_point now) const {
  const Sample& last = samples_[newest_];
  return !last.valid || now - last.time >= gpm_min_distance;
}

/// A call of its own: a library that does not know the metric may refuse the whole call.
double GpmSampler::read_cycles(abi::GpmMetricsGet& request) {
  if (!counts_cycles_) return absent;
  request.count = 1;
  request.metrics[0] = {.metric_id = abi::gpm_sm_cycles_elapsed, .value = absent};
  const abi::Return asked = functions_.gpm_metrics_get(&request);
  const abi::Return told = asked == abi::Return::success ? request.metrics[0].status : asked;
  counts_cycles_ = told != abi::Return::not_supported && told != abi::Return::invalid_argument;
  return told == abi::Return::success ? request.metrics[0].value : absent;
}

std::optional<Activity> GpmSampler::activity(abi::GpmMetricsGet& request) {
  Sample& last = samples_[newest_];
  if (!last.valid || !before().valid) return std::nullopt;
  request.version = 1;
  request.count = static_cast<std::uint32_t>(metric_ids.size());
  request.first = before().memory;
  request.second = last.memory;
  for (std::size_t i = 0; i < metric_ids.size(); ++i)
    request.metrics[i] = {.metric_id = metric_ids[i], .value = absent};
  if (functions_.gpm_metrics_get(&request) != abi::Return::success) return std::nullopt;

  Activity sample;
  for (std::size_t i = 0; i < metric_ids.size(); ++i) sample.ratios.push_back(ratio_of(request.metrics[i]));
  sample.seconds = std::chrono::duration<double>(last.time - before().time).count();
  sample.clock_begin_hz = before().clock_hz;
  sample.clock_end_hz = last.clock_hz;
  sample.clock_before_hz = before().clock_before_hz;
  last.cycles = read_cycles(request);
  if (last.cycles >= before().cycles) sample.cycles = last.cycles - before().cycles;  // false where unknown
  return sample;
}

}  // namespace flopwatt::nvidia
