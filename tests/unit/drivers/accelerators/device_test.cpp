#include "drivers/accelerators/device.h"

#include <doctest/doctest.h>

namespace flopwatt::nvidia {

TEST_CASE("PCI addresses of different width and case are one") {
  CHECK(normal_pci("00000000:41:00.0") == "0000:41:00.0");
  CHECK(normal_pci("0000:4A:00.0") == "0000:4a:00.0");
  CHECK(normal_pci("00000001:c1:00.0") == "0001:c1:00.0");
  CHECK(normal_pci("00010000:C1:00.0") == "00010000:c1:00.0");  // a domain that needs more than four digits
}

}  // namespace flopwatt::nvidia
