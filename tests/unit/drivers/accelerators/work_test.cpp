#include "drivers/accelerators/work.h"

#include <doctest/doctest.h>

#include <array>

namespace flopwatt::accelerators {

TEST_CASE("work adds up by precision, and a precision that is new is added") {
  Work work{.parts = {{Place::fp64, 1}, {Place::fp32, 2}}, .low = 3, .high = 3, .spread = 0.5};
  work += {.parts = {{Place::fp32, 10}, {Place::assumed_bf16, 100}}, .low = 60, .high = 210, .spread = 1};
  CHECK(work.of(Place::fp64) == 1);
  CHECK(work.of(Place::fp32) == 12);
  CHECK(work.of(Place::assumed_bf16) == 100);
  CHECK(work.of(Place::fp16) == 0);
  CHECK(work.total() == 113);
  CHECK(work.low == 63);
  CHECK(work.high == 213);
  CHECK(work.spread == 1.5);
}

TEST_CASE("work beyond 1.05 times the dense peak is told by its precision") {
  const Product h100{.name = "H100",
                     .name_match = "*",
                     .peak_flop_per_second = {{"fp64", 67e12}, {"fp32", 67e12}, {"bf16", 989e12}}};
  const auto verdict = [&](Place precision, double flop) {
    return beyond_peak({.parts = {{precision, flop}}}, 2.0, peaks_of(h100, std::array{precision}));
  };
  CHECK_FALSE(verdict(Place::assumed_bf16, 2 * 989e12 * 1.049));
  CHECK(verdict(Place::assumed_bf16, 2 * 989e12 * 1.051) == Place::assumed_bf16);
  CHECK(verdict(Place::bf16, 2 * 989e12 * 1.051) == Place::bf16);
  CHECK(verdict(Place::fp64, 2 * 67e12 * 1.051) == Place::fp64);
  CHECK(verdict(Place::fp32, 2 * 67e12 * 1.051) == Place::fp32);
  CHECK_FALSE(verdict(Place::assumed_fp8, 2e18));  // no peak of fp8 is known
}

}  // namespace flopwatt::accelerators
