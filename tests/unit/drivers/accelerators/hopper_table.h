// A table with one architecture and one product, as config/accelerators.yml has them.
#pragma once

#include "config/accelerator_table.h"

namespace flopwatt::nvidia {

inline AcceleratorTable hopper_table() {
  AcceleratorTable table;
  table.nvidia_rates["9.0"] = {.fp64 = 128,
                               .fp64_tensor = 256,
                               .fp32 = 256,
                               .fp16 = 512,
                               .tf32_tensor = 2048,
                               .fp16_tensor = 4096,
                               .bf16_tensor = 4096,
                               .fp8_tensor = 8192,
                               .fp32_lanes = 128};
  table.nvidia_products.push_back(
      {.name = "H100 SXM",
       .name_match = "NVIDIA H100 80GB HBM3",
       .peak_flop_per_second = {{"fp64", 67e12}, {"fp32", 67e12}, {"bf16", 989.4e12}}});
  return table;
}

}  // namespace flopwatt::nvidia
