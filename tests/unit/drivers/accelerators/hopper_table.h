// NVIDIA's section of the table with one architecture and one product, as config/accelerators.yml has them;
// and what a device of that product reads.
#pragma once

#include <string>

#include "config/accelerator_table.h"
#include "drivers/accelerators/device.h"
#include "drivers/accelerators/nvidia/device_calls.h"
#include "drivers/accelerators/nvidia/pipes.h"

namespace flopwatt::accelerators {

inline VendorTable hopper_table() {
  VendorTable table;
  table.rates["9.0"] = {{"fp64", 128},         {"fp64_tensor", 256},  {"fp32", 256},
                        {"fp16", 512},         {"tf32_tensor", 2048}, {"fp16_tensor", 4096},
                        {"bf16_tensor", 4096}, {"fp8_tensor", 8192},  {"fp32_lanes", 128}};
  table.products.push_back({.name = "H100 SXM",
                            .name_match = "NVIDIA H100 80GB HBM3",
                            .peak_flop_per_second = {{"fp64", 67e12}, {"fp32", 67e12}, {"bf16", 989.4e12}}});
  return table;
}

/// An H100 at that address.
inline DeviceIdentity h100(const std::string& pci = "0000:41:00.0", const std::string& uuid = "GPU-1") {
  return {.pci = pci,
          .uuid = uuid,
          .name = "NVIDIA H100 80GB HBM3",
          .serial = "165",
          .architecture = "9.0",
          .cores = 16896,
          .energy_source = EnergySource::counter,
          .sensor = {std::chrono::milliseconds(25), std::chrono::milliseconds(100)},
          .figures = nvidia::figures(true),
          .activity = {nvidia::pipes.begin(), nvidia::pipes.end()},
          .no_activity_reason = ""};
}

}  // namespace flopwatt::accelerators
