#include "agent/daemon/accelerator_numbers.h"

#include <doctest/doctest.h>

namespace flopwatt::daemon {

TEST_CASE("accelerators are numbered within their vendor, in the order in which they are seen") {
  AcceleratorNumbers numbers({});
  CHECK(numbers.number_of("nvidia", "0000:41:00.0") == 0);
  CHECK(numbers.number_of("nvidia", "0000:c1:00.0") == 1);
  CHECK(numbers.number_of("amd", "0000:01:00.0") == 0);
  CHECK(numbers.number_of("nvidia", "0000:41:00.0") == 0);
  CHECK(numbers.take_changed() == Totals{{"slot/amd/0000:01:00.0", 0},
                                         {"slot/nvidia/0000:41:00.0", 0},
                                         {"slot/nvidia/0000:c1:00.0", 1}});
  CHECK(numbers.take_changed().empty());
}

TEST_CASE("stored numbers hold; a new address gets the next, never one that was given") {
  AcceleratorNumbers numbers({{"scope/rack/energy_j", 7e9},
                              {"slot/nvidia/0000:c1:00.0", 1},
                              {"slot/nvidia/0000:d1:00.0", 4},
                              {"slots", 3}});
  CHECK(numbers.number_of("nvidia", "0000:41:00.0") == 5);
  CHECK(numbers.number_of("nvidia", "0000:c1:00.0") == 1);
  CHECK(numbers.take_changed() == Totals{{"slot/nvidia/0000:41:00.0", 5}});
}

}  // namespace flopwatt::daemon
