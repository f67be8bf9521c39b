// The file through which `rack`, `rack-control` and the stand-in NVML library share one rack: when it
// started, which load script it runs, and the fault switches. All three map it; every switch is one atomic.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace rack {

inline constexpr std::size_t kMaxMeters = 2048;
inline constexpr std::size_t kMaxGpus = 128;

// 0 is off. The rest of the meaning is each fault's own: a number of milliseconds, an exception code, or for
// faults with a moment in time the monotonic clock's nanoseconds.
using Switch = std::atomic<std::int64_t>;
static_assert(Switch::is_always_lock_free, "a lock inside a shared mapping would be private to one process");

enum class MeterFault : std::size_t {
  silent,
  late,
  wrong_unit,
  wrong_tid,
  trailing,
  length,
  drip,
  exception,
  truncate,
  close,
  refuse,
  counter_reset,
  freeze,
  energy_freeze,
  zero,
  energy_zero,
  energy_dip,
};
inline constexpr std::size_t kMeterFaultCount = 17;

enum class GpuFault : std::size_t { hang, lost, crash, energy_reset, no_gpm, energy_freeze, energy_zero };
inline constexpr std::size_t kGpuFaultCount = 7;

struct MeterSwitches {
  std::array<Switch, kMeterFaultCount> faults;
  const Switch& operator[](MeterFault fault) const { return faults[static_cast<std::size_t>(fault)]; }
};

struct GpuSwitches {
  std::array<Switch, kGpuFaultCount> faults;
  Switch& operator[](GpuFault fault) { return faults[static_cast<std::size_t>(fault)]; }
};

struct RackState {
  static constexpr std::uint64_t kMagic = 0x314B434152574C46;
  std::uint64_t magic;
  std::int64_t pid;
  std::int64_t start_realtime_ns;
  std::int64_t start_monotonic_ns;
  std::array<char, 1024> load_path;
  std::array<MeterSwitches, kMaxMeters> meters;
  std::array<GpuSwitches, kMaxGpus> gpus;
  GpuSwitches library;  // what `gpu all` switches beside: calls that name no GPU

  double seconds_at(std::int64_t monotonic_ns) const {
    return static_cast<double>(monotonic_ns - start_monotonic_ns) * 1e-9;
  }
  double now() const;
};

using StatePtr = std::shared_ptr<RackState>;

std::int64_t monotonic_ns();
std::int64_t realtime_ns();
// Replaces the file at once, so that no reader meets a half-written one. Both throw std::runtime_error.
StatePtr create_state(const std::string& path, const std::string& load_path);
StatePtr open_state(const std::string& path);

}  // namespace rack
