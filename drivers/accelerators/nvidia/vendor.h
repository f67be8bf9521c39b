// NVIDIA's row of the table of vendors.
#pragma once

#include <array>

#include "drivers/accelerators/vendor.h"

namespace flopwatt::nvidia {

/// FLOP per clock per SM of an architecture; sm_rates() reads them.
inline constexpr auto rate_keys = std::to_array<RateKey>({
    {.name = "fp64"},
    {.name = "fp64_tensor"},
    {.name = "fp32"},
    {.name = "fp16"},
    {.name = "tf32_tensor"},
    {.name = "fp16_tensor"},
    {.name = "bf16_tensor"},
    {.name = "fp8_tensor"},
    {.name = "fp32_lanes", .least = 1, .most = 1024, .required = true},
});

inline constexpr VendorKeys keys{
    .name = "nvidia",
    .title = "NVIDIA",
    .library = "libnvidia-ml.so.1",
    .shortest_interval = std::chrono::milliseconds(200),
    .why_no_shorter = "their counters need more than 100ms between samples",
    .rates = {.key = "flop_per_clock_per_sm",
              .architecture = "compute capability",
              .pattern = "[0-9]*.[0-9]",
              .example = "9.0",
              .rates = rate_keys},
};

[[nodiscard]] accelerators::Vendor vendor();

}  // namespace flopwatt::nvidia
