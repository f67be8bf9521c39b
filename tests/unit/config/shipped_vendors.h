// The vendors of accelerators that a configuration of the shipped program may have.
#pragma once

#include <array>

#include "drivers/accelerators/nvidia/vendor.h"

namespace flopwatt::test {

inline constexpr std::array shipped_vendors = {nvidia::keys};

}  // namespace flopwatt::test
