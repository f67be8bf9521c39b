// The example's row of a table of vendors.
#pragma once

#include "drivers/accelerators/vendor.h"

namespace flopwatt::example {

[[nodiscard]] accelerators::Vendor vendor();

}  // namespace flopwatt::example
