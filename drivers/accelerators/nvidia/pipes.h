// The pipes of NVIDIA's devices whose activity is read.
#pragma once

#include <array>
#include <cstddef>

#include "readings/quantity.h"

namespace flopwatt::nvidia {

/// In the order of Activity::ratios.
inline constexpr std::array pipes = {Place::hmma,      Place::imma,      Place::dfma,
                                     Place::fp64_pipe, Place::fp32_pipe, Place::fp16_pipe};
enum PipeIndex : std::size_t { hmma_pipe, imma_pipe, dfma_pipe, fp64_pipe, fp32_pipe, fp16_pipe };

}  // namespace flopwatt::nvidia
