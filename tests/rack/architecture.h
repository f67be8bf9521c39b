// What is known of GPU architectures and products: the FLOP each pipe does per clock and SM, and the figures
// a product answers through NVML.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rack {

enum class Pipe : std::size_t { hmma, imma, dfma, fp64, fp32, fp16 };
inline constexpr std::size_t kPipeCount = 6;
inline constexpr std::array<std::string_view, kPipeCount> kPipeNames = {"hmma", "imma", "dfma",
                                                                        "fp64", "fp32", "fp16"};

// The energy counter is renewed this often, and so is power where a GPU's own sensor is described.
inline constexpr double kSensorPeriod = 0.1;

// How NVML of this generation reports power: the figure is renewed each `update` and is the mean
// of the last `window`.
struct PowerSensor {
  double update = 0.1;
  double window = 1;
  double instant_window = 0.1;
  bool has_average_field = true;
};

struct Architecture {
  std::string_view key;  // as in load scripts
  unsigned nvml_id;
  int major;
  int minor;
  unsigned lanes_per_sm;
  // Operations per clock and SM, dense, an FMA counted as two. 0: the architecture has no such pipe.
  double fp64, fp64_tensor, fp32, fp16, tf32_tensor, half_tensor, fp8_tensor, int8_tensor;
  PowerSensor sensor;

  bool has_gpm() const { return nvml_id >= 9; }
  bool has_mig() const { return (major == 8 && minor == 0) || major >= 9; }
};

struct Product {
  std::string_view name;
  std::string_view architecture;
  unsigned cores;
  unsigned max_sm_clock_mhz;
  unsigned memory_clock_mhz;
  std::uint64_t memory_mib;
  double power_limit_w;
  std::uint32_t pci_device;
};

enum class TensorPrecision { bf16, fp16, tf32, fp8 };

const Architecture* find_architecture(std::string_view key);
const Product* find_product(std::string_view name);
std::optional<TensorPrecision> tensor_precision(std::string_view name);
// HMMA runs several precisions at different rates and no counter distinguishes them, hence the parameter.
double operations_per_clock(const Architecture& architecture, Pipe pipe, TensorPrecision precision);

}  // namespace rack
