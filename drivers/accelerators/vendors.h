// The vendors that the program supports.
#pragma once

#include <span>

#include "drivers/accelerators/vendor.h"

namespace flopwatt::accelerators {

[[nodiscard]] std::span<const Vendor> all_vendors();

}  // namespace flopwatt::accelerators
