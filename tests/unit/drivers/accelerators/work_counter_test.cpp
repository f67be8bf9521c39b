#include "drivers/accelerators/work_counter.h"

#include <doctest/doctest.h>

#include <limits>

namespace flopwatt::accelerators {
namespace {

Work fp32(double flop) {
  return {.parts = {{Place::fp32, flop}}, .low = flop, .high = flop, .spread = flop / 10};
}

}  // namespace

TEST_CASE("work counts from zero at the first sample") {
  WorkCounter counter;
  const Work* const first = counter.advance(std::nullopt, true);
  REQUIRE(first);
  CHECK(first->total() == 0.0);
  CHECK(counter.advance(fp32(10), true)->total() == 10.0);
  const Work* const third = counter.advance(fp32(5), true);
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

TEST_CASE("work that is not finite is unknown, and does not spoil the count") {
  for (const double wrong :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const Work& work : {Work{.parts = {{Place::fp32, wrong}}}, Work{.low = wrong}, Work{.high = wrong},
                             Work{.spread = wrong}}) {
      WorkCounter counter;
      counter.advance(std::nullopt, true);
      counter.advance(fp32(10), true);
      CHECK_FALSE(counter.advance(work, true));
      const Work* const next = counter.advance(fp32(5), true);
      REQUIRE(next);
      CHECK(next->total() == 15.0);
      CHECK(next->high == 15.0);
    }
  }
}

}  // namespace flopwatt::accelerators
