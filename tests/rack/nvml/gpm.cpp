// nvmlGpm*: the mean activity of a GPU's units between two samples.
#include <array>
#include <cmath>
#include <mutex>
#include <set>

#include "library.h"

namespace rack::nvml {

// In the stand-in a sample is a GPU and a moment; the truth gives the rest.
struct GpmSampleData {
  std::size_t gpu = SIZE_MAX;
  double t = 0;
};

namespace {

// The stand-in knows which samples are live and so can refuse what the real library would die of.
struct Samples {
  std::mutex mutex;
  std::set<GpmSample> live;
};

Samples& samples() {
  static auto* const instance = new Samples;
  return *instance;
}

bool is_live(GpmSample sample) {
  const std::lock_guard lock(samples().mutex);
  return samples().live.contains(sample);
}

// The hardware counters behind GPM are themselves read only this often.
constexpr double kRefresh = 0.1;

struct MetricName {
  const char* name;
  double (*mean)(const Gpu&, double from, double until);
};

template <Waveform Gpu::*Member>
double mean_of(const Gpu& gpu, double from, double until) {
  return (gpu.*Member).mean(from, until);
}

template <Pipe P>
double mean_of(const Gpu& gpu, double from, double until) {
  // Active cycles over elapsed ones. Activity is of the nominal clock's cycles.
  const double clock = gpu.sm_clock.mean(from, until) / gpu.sm_clock_mhz;
  return gpu.activity[static_cast<std::size_t>(P)].mean(from, until) / clock;
}

double any_tensor(const Gpu& gpu, double from, double until) {
  return mean_of<Pipe::hmma>(gpu, from, until) + mean_of<Pipe::imma>(gpu, from, until) +
         mean_of<Pipe::dfma>(gpu, from, until);
}

double nothing(const Gpu&, double, double) { return 0; }
double everything(const Gpu&, double, double) { return 1; }

// By metric number, from 1. All FP64 tensor work is reported as DFMA and none as DMMA, so that
// nobody counts it twice.
constexpr std::array<MetricName, 13> kMetrics = {{
    {"GRAPHICS_UTIL", mean_of<&Gpu::graphics>},
    {"SM_UTIL", mean_of<&Gpu::sm>},
    {"SM_OCCUPANCY", mean_of<&Gpu::occupancy>},
    {"INTEGER_UTIL", mean_of<&Gpu::integer>},
    {"ANY_TENSOR_UTIL", any_tensor},
    {"DFMA_TENSOR_UTIL", mean_of<Pipe::dfma>},
    {"HMMA_TENSOR_UTIL", mean_of<Pipe::hmma>},
    {"DMMA_TENSOR_UTIL", nothing},
    {"IMMA_TENSOR_UTIL", mean_of<Pipe::imma>},
    {"DRAM_BW_UTIL", mean_of<&Gpu::dram>},
    {"FP64_UTIL", mean_of<Pipe::fp64>},
    {"FP32_UTIL", mean_of<Pipe::fp32>},
    {"FP16_UTIL", mean_of<Pipe::fp16>},
}};

constexpr std::uint32_t kFirstCounter = 248;
// By metric number, from kFirstCounter: share of the elapsed cycles; null: no counter of cycles.
constexpr std::array<double (*)(const Gpu&, double, double), 13> kCounted = {everything,
                                                                             mean_of<&Gpu::sm>,
                                                                             any_tensor,
                                                                             nothing,
                                                                             mean_of<Pipe::hmma>,
                                                                             mean_of<Pipe::imma>,
                                                                             mean_of<Pipe::dfma>,
                                                                             nullptr,
                                                                             nullptr,
                                                                             mean_of<&Gpu::integer>,
                                                                             mean_of<Pipe::fp64>,
                                                                             mean_of<Pipe::fp32>,
                                                                             mean_of<Pipe::fp16>};

// Cycles from long before the rack started up to the second sample.
void fill_counter(const GpuNow& now, double until, GpmMetric& metric) {
  constexpr double kUptime = 86400;
  const CycleCounters counters = now.library.load.cycle_counters;
  const auto share = kCounted[metric.metric_id - kFirstCounter];
  metric.status = counters == CycleCounters::none || share == nullptr ? kNotSupported : kSuccess;
  if (metric.status != kSuccess) return;
  const Gpu& gpu = now.gpu();
  const double cycles = 1e6 * gpu.sm_clock.integral(-kUptime, until) * share(gpu, -kUptime, until);
  metric.value = std::floor(counters == CycleCounters::summed ? gpu.sm_count() * cycles : cycles);
}

void fill(const GpuNow& now, double from, double until, GpmMetric& metric) {
  if (metric.metric_id >= kFirstCounter && metric.metric_id < kFirstCounter + kCounted.size()) {
    fill_counter(now, until, metric);
    return;
  }
  if (metric.metric_id < 1 || metric.metric_id > kMetrics.size()) {
    metric.status = kNotSupported;
    return;
  }
  const MetricName& known = kMetrics[metric.metric_id - 1];
  metric.status = kSuccess;
  metric.value = 100 * known.mean(now.gpu(), from, until);
  metric.short_name = metric.long_name = known.name;
  metric.unit = "%";
}

Return fill_all(GpmMetricsGet& get) {
  const GpmSampleData& first = *get.sample1;
  const GpmSampleData& second = *get.sample2;
  // Only now is it known which GPU the call is about.
  return on_device(handle_of(first.gpu), true, [&](const GpuNow& now) {
    if (!now.has_gpm()) return kNotSupported;
    if (second.t - first.t < kRefresh) return kNoData;
    GpmMetric* metrics = get.metrics;
    for (std::uint32_t i = 0; i < get.count; ++i) fill(now, first.t, second.t, metrics[i]);
    return kSuccess;
  });
}

}  // namespace
}  // namespace rack::nvml

using namespace rack::nvml;

RACK_NVML_EXPORT Return nvmlGpmQueryDeviceSupport(Device device, GpmSupport* support) {
  return on_device(device, support, [&](const GpuNow& now) {
    if (support->version != 1) return kVersionMismatch;
    support->is_supported = now.has_gpm();
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlGpmSampleAlloc(GpmSample* sample) {
  return on_library(sample, [&](const Library&) {
    *sample = new GpmSampleData;
    const std::lock_guard lock(samples().mutex);
    samples().live.insert(*sample);
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlGpmSampleFree(GpmSample sample) {
  const std::lock_guard lock(samples().mutex);
  if (samples().live.erase(sample) == 0) return kInvalidArgument;
  delete sample;
  return kSuccess;
}

RACK_NVML_EXPORT Return nvmlGpmSampleGet(Device device, GpmSample sample) {
  return on_device(device, is_live(sample), [&](const GpuNow& now) {
    if (!now.has_gpm()) return kNotSupported;
    *sample = {now.index, now.t};
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlGpmMigSampleGet(Device device, unsigned, GpmSample sample) {
  return on_device(device, is_live(sample), [](const GpuNow&) { return kNotSupported; });
}

RACK_NVML_EXPORT Return nvmlGpmMetricsGet(GpmMetricsGet* get) {
  if (!library()) return kUninitialized;
  if (!get) return kInvalidArgument;
  if (get->version != 1) return kVersionMismatch;
  if (get->count == 0 || get->count > kMaxGpmMetrics) return kInvalidArgument;
  if (!is_live(get->sample1) || !is_live(get->sample2)) return kInvalidArgument;
  // Samples never taken, or of different GPUs.
  if (get->sample1->gpu == SIZE_MAX || get->sample1->gpu != get->sample2->gpu) return kInvalidArgument;
  return fill_all(*get);
}
