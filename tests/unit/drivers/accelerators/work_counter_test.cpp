#include "drivers/accelerators/work_counter.h"

#include <doctest/doctest.h>

namespace flopwatt::accelerators {
namespace {

Work fp32(double flop) {
  return {.parts = {{Place::fp32, flop}}, .low = flop, .high = flop, .spread = flop / 10};
}

}  // namespace

TEST_CASE("work counts from zero at the first sample") {
  WorkCounter counter;
  const auto first = counter.advance(std::nullopt, true);
  REQUIRE(first);
  CHECK(first->total() == 0.0);
  CHECK(counter.advance(fp32(10), true)->total() == 10.0);
  const auto third = counter.advance(fp32(5), true);
  CHECK(third->total() == 15.0);
  CHECK(third->low == 15.0);
  CHECK(third->high == 15.0);
  CHECK(third->spread == doctest::Approx(1.5));
}

TEST_CASE("after an unknown interval one count is absent, then counting goes on") {
  WorkCounter counter;
  counter.advance(std::nullopt, true);
  counter.advance(fp32(10), true);
  CHECK_FALSE(counter.advance(std::nullopt, true));
  CHECK(counter.advance(fp32(5), true)->total() == 15.0);
}

TEST_CASE("without a sample counting does not begin") {
  WorkCounter counter;
  CHECK_FALSE(counter.advance(std::nullopt, false));
  CHECK(counter.advance(std::nullopt, true));
}

}  // namespace flopwatt::accelerators
