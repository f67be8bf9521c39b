// Pipe activity of one device through NVML's GPU performance monitoring (Hopper and newer): two samples,
// taken in turn, of which the library tells the average activity in between. Guest process only.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>

#include "drivers/accelerators/device.h"
#include "drivers/accelerators/nvidia/nvml_library.h"

namespace flopwatt::nvidia {

/// The library refreshes its counters every 100 ms: closer samples tell nothing.
inline constexpr std::chrono::milliseconds gpm_min_distance{105};

class GpmSampler {
 public:
  using Clock = std::chrono::steady_clock;

  /// Fails where the device, its driver or its permissions do not offer performance monitoring. `functions`
  /// must outlive the sampler.
  [[nodiscard]] static Result<std::unique_ptr<GpmSampler>, accelerators::DeviceFailure> make(
      const NvmlFunctions& functions, abi::Device device);

  GpmSampler(const GpmSampler&) = delete;
  GpmSampler& operator=(const GpmSampler&) = delete;
  ~GpmSampler();

  /// Takes a sample now. On failure the sample before is given up too: what lies between is not known.
  abi::Return take();
  /// Notes the SM clock of the moment of the sample just taken.
  void note_clock(std::optional<std::uint32_t> mhz);
  /// Gives up the sample before: the next interval is not known.
  void forget();

  /// Long enough since the last sample, or there is none.
  [[nodiscard]] bool may_take(Clock::time_point now) const;

  /// The activity between the last two samples; nullopt where there are not two, or the call failed. A pipe
  /// whose figure failed by itself or is no ratio is `absent`.
  [[nodiscard]] std::optional<accelerators::Activity> activity(abi::GpmMetricsGet& request);

 private:
  struct Sample {
    abi::GpmSample memory = nullptr;
    Clock::time_point time;
    double clock_hz = absent;
    double clock_before_hz = absent;  ///< of the sample before it
    double cycles = absent;           ///< counter of elapsed SM cycles
    bool valid = false;
  };

  GpmSampler(const NvmlFunctions& functions, abi::Device device) : functions_(functions), device_(device) {}
  [[nodiscard]] const Sample& before() const { return samples_[1 - newest_]; }
  [[nodiscard]] double read_cycles(abi::GpmMetricsGet& request);

  const NvmlFunctions& functions_;
  abi::Device device_;
  std::array<Sample, 2> samples_{};
  std::size_t newest_ = 0;
  bool counts_cycles_ = true;  // until the library says that it does not
};

}  // namespace flopwatt::nvidia
