// What the guest tells of an NVIDIA device: who it is, what it reads, how it failed. Shared by the guest,
// which makes it, and the driver, which turns it into sources and reading sets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "readings/quantity.h"
#include "readings/reading_set.h"
#include "readings/result.h"

namespace flopwatt::nvidia {

/// The pipes whose activity is read, in the order of every array of ratios.
inline constexpr std::array pipes = {Place::hmma,      Place::imma,      Place::dfma,
                                     Place::fp64_pipe, Place::fp32_pipe, Place::fp16_pipe};
enum PipeIndex : std::size_t { hmma_pipe, imma_pipe, dfma_pipe, fp64_pipe, fp32_pipe, fp16_pipe };

/// 0..1 of each pipe, `absent` where unknown.
using PipeRatios = std::array<double, pipes.size()>;

struct DeviceIdentity {
  std::string pci;   ///< "0000:41:00.0", lower case
  std::string uuid;  ///< "GPU-..."
  std::string name, serial;
  int compute_major = 0, compute_minor = 0;  ///< 0.0: unknown
  unsigned cores = 0;                        ///< CUDA cores, 0: unknown
  bool has_power = false;
  bool has_energy_counter = false;
  bool has_pipes = false;
  std::string no_pipes_reason;  ///< why not, where !has_pipes

  bool operator==(const DeviceIdentity&) const = default;
};

/// Activity of the pipes between the sample before and this one.
struct PipeSample {
  PipeRatios ratios{};
  double seconds = 0;                                     ///< between the two samples
  double clock_begin_hz = absent, clock_end_hz = absent;  ///< SM clock at both
};

/// One reading of one device, in NVML's own units, so that every number fits its wire type.
struct DeviceReading {
  Moment time;  ///< the library's own time stamp of the energy counter, else the midpoint of the calls
  std::int64_t half_duration_us = 0;
  std::optional<std::uint32_t> power_mw, power_limit_mw, core_clock_mhz;
  std::optional<std::uint64_t> energy_mj, memory_used_bytes, memory_total_bytes;
  std::optional<std::uint8_t> utilization_percent;
  std::optional<std::int16_t> temperature_c;
  /// A sample was taken: the interval from this reading to the next can be known.
  bool pipes_sampled = false;
  std::optional<PipeSample> pipes;  ///< from the reading before to this one
};

/// Why a device could not be read; `code` is NVML's.
struct DeviceFailure {
  int code = 0;
  std::string text;
};

using DeviceResult = Result<DeviceReading, DeviceFailure>;

/// PCI address as "0000:41:00.0": lower case, the domain four digits wide where that is enough. Libraries
/// write the domain with eight digits, people and sysfs with four. Text that is no such address comes back in
/// lower case.
[[nodiscard]] std::string normal_pci(std::string_view address);

}  // namespace flopwatt::nvidia
