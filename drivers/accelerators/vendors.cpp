#include "drivers/accelerators/vendors.h"

#include <array>

#include "drivers/accelerators/nvidia/vendor.h"

namespace flopwatt::accelerators {

std::span<const Vendor> all_vendors() {
  static const std::array vendors = {nvidia::vendor()};
  return vendors;
}

}  // namespace flopwatt::accelerators
