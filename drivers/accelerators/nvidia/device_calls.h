// The calls that read one NVIDIA device once, and what went wrong among them. Guest process only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "drivers/accelerators/device.h"
#include "drivers/accelerators/nvidia/nvml_library.h"

namespace flopwatt::nvidia {

/// The device cannot be used before it is reset or found again.
[[nodiscard]] bool is_down(abi::Return code);
/// The library cannot be used any more by this process.
[[nodiscard]] bool is_broken(abi::Return code);

/// What one device reads, in NVML's units.
struct NvmlReading {
  std::optional<std::uint32_t> power_mw, power_limit_mw, core_clock_mhz;
  std::optional<std::uint64_t> energy_mj, memory_used_bytes, memory_total_bytes;
  std::optional<std::uint8_t> utilization_percent;
  std::optional<std::int16_t> temperature_c;
};

/// The figures that are made of a reading, with or without energy.
[[nodiscard]] std::vector<accelerators::Figure> figures(bool with_energy);
/// Raw numbers of these figures, in the order of figures(); `absent` where `reading` has none.
[[nodiscard]] std::vector<double> numbers(const NvmlReading& reading, bool with_energy);

class DeviceCalls {
 public:
  /// `functions` must outlive it.
  DeviceCalls(const NvmlFunctions& functions, abi::Device device) : functions_(functions), device_(device) {}

  NvmlReading reading;

  /// Reads the energy counter and the power by field where the driver knows these fields; the power is then
  /// the instant one. Older drivers are asked by the older calls.
  void read_energy_and_power();
  /// Whether the device then did not say that it has no such figure; one that failed may come.
  [[nodiscard]] bool has_energy_counter() const { return has_energy_counter_; }
  [[nodiscard]] bool has_power() const { return has_power_; }
  void read_clock();
  /// Limit, utilisation, memory, temperature. Spares them to a device that is down.
  void read_the_rest();

  /// A call that somebody else made for the same reading.
  void note(abi::Return code);

  /// Why this is no reading: the device is down or the library broken, whichever call told it, or no call
  /// told anything. success: it is one.
  [[nodiscard]] abi::Return failure() const;
  /// The library's own time stamp of the energy counter, us since 1970; 0: none.
  [[nodiscard]] std::int64_t stamp_us() const { return stamp_us_; }

 private:
  [[nodiscard]] bool ok(abi::Return code);
  [[nodiscard]] std::optional<std::uint64_t> value_of(const abi::FieldValue& field);
  [[nodiscard]] std::optional<std::uint32_t> number(const Function<abi::Device, unsigned*>& function);
  void read_temperature();

  const NvmlFunctions& functions_;
  abi::Device device_;
  bool has_energy_counter_ = true, has_power_ = true;
  int known_ = 0;
  abi::Return first_ = abi::Return::success;  ///< first failure, but that the device does not offer something
  abi::Return fatal_ = abi::Return::success;
  std::int64_t stamp_us_ = 0;
};

}  // namespace flopwatt::nvidia
