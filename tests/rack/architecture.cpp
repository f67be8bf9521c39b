#include "architecture.h"

#include <algorithm>

namespace rack {
namespace {

constexpr PowerSensor kVolta{0.02, 0.01, 0.01, false};
constexpr PowerSensor kTuring{0.1, 0.1, 0.1, false};
constexpr PowerSensor kA100{0.1, 0.025, 0.025, false};
constexpr PowerSensor kAmpere{0.1, 1, 0.1, true};
constexpr PowerSensor kHopper{0.1, 1, 0.025, true};

constexpr std::array<Architecture, 7> kArchitectures = {{
    {"volta", 5, 7, 0, 64, 64, 0, 128, 256, 0, 1024, 0, 0, kVolta},
    {"turing", 6, 7, 5, 64, 4, 0, 128, 256, 0, 1024, 0, 2048, kTuring},
    {"ampere", 7, 8, 0, 64, 64, 128, 128, 512, 1024, 2048, 0, 4096, kA100},
    {"ampere86", 7, 8, 6, 128, 4, 0, 256, 256, 512, 1024, 0, 2048, kAmpere},
    {"ada", 8, 8, 9, 128, 4, 0, 256, 256, 512, 1024, 2048, 2048, kAmpere},
    {"hopper", 9, 9, 0, 128, 128, 256, 256, 512, 2048, 4096, 8192, 8192, kHopper},
    {"blackwell", 10, 10, 0, 128, 128, 128, 256, 256, 4096, 8192, 16384, 16384, kHopper},
}};

constexpr std::array<Product, 8> kProducts = {{
    {"NVIDIA H100 80GB HBM3", "hopper", 132 * 128, 1980, 2619, 81559, 700, 0x233010DE},
    {"NVIDIA H100 PCIe", "hopper", 114 * 128, 1755, 1593, 81559, 350, 0x233110DE},
    {"NVIDIA H200", "hopper", 132 * 128, 1980, 3201, 143771, 700, 0x233510DE},
    {"NVIDIA B200", "blackwell", 148 * 128, 1965, 3996, 183359, 1000, 0x290110DE},
    {"NVIDIA A100-SXM4-80GB", "ampere", 108 * 64, 1410, 1593, 81920, 400, 0x20B210DE},
    {"NVIDIA L40S", "ada", 142 * 128, 2520, 9001, 46068, 350, 0x26B910DE},
    {"Tesla V100-SXM2-16GB", "volta", 80 * 64, 1530, 877, 16384, 300, 0x1DB110DE},
    {"Tesla T4", "turing", 40 * 64, 1590, 5001, 15360, 70, 0x1EB810DE},
}};

}  // namespace

const Architecture* find_architecture(std::string_view key) {
  const auto found = std::ranges::find(kArchitectures, key, &Architecture::key);
  return found == kArchitectures.end() ? nullptr : &*found;
}

const Product* find_product(std::string_view name) {
  const auto found = std::ranges::find(kProducts, name, &Product::name);
  return found == kProducts.end() ? nullptr : &*found;
}

std::optional<TensorPrecision> tensor_precision(std::string_view name) {
  if (name == "bf16") return TensorPrecision::bf16;
  if (name == "fp16") return TensorPrecision::fp16;
  if (name == "tf32") return TensorPrecision::tf32;
  if (name == "fp8") return TensorPrecision::fp8;
  return std::nullopt;
}

double operations_per_clock(const Architecture& architecture, Pipe pipe, TensorPrecision precision) {
  switch (pipe) {
    case Pipe::hmma:
      if (precision == TensorPrecision::tf32) return architecture.tf32_tensor;
      if (precision == TensorPrecision::fp8) return architecture.fp8_tensor;
      return architecture.half_tensor;
    case Pipe::imma:
      return architecture.int8_tensor;
    case Pipe::dfma:
      return architecture.fp64_tensor;
    case Pipe::fp64:
      return architecture.fp64;
    case Pipe::fp32:
      return architecture.fp32;
    case Pipe::fp16:
      return architecture.fp16;
  }
  return 0;
}

}  // namespace rack
