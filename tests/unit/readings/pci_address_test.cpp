#include "readings/pci_address.h"

#include <doctest/doctest.h>

using namespace flopwatt;

TEST_CASE("PCI addresses of different width and case are one") {
  CHECK(normal_pci("0000:41:00.0") == "0000:41:00.0");
  CHECK(normal_pci("0000:4A:00.0") == "0000:4a:00.0");
  CHECK(normal_pci("00000000:C1:00.0") == "0000:c1:00.0");
  CHECK(normal_pci("00000001:c1:00.0") == "0001:c1:00.0");
  CHECK(normal_pci("00010000:C1:00.0") == "00010000:c1:00.0");  // a domain that needs more than four digits
}

TEST_CASE("other text is no PCI address") {
  for (const char* bad :
       {"", "41:00.0", "0000:41:00", "0000:4g:00.0", "0000:41:00.00", "0000-41-00.0", "000:41:00.0"})
    CHECK_FALSE(normal_pci(bad));
}
