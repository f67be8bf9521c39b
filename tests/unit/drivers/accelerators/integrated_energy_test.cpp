#include "drivers/accelerators/integrated_energy.h"

#include <doctest/doctest.h>

#include "readings/reading_set.h"

namespace flopwatt::accelerators {
namespace {

using namespace std::chrono_literals;

struct EnergyBench {
  double at(double second, double watts) {
    return energy.advance(static_cast<std::int64_t>(1e9 + second * 1e6), watts, 5s);
  }
  IntegratedEnergy energy;
};

}  // namespace

TEST_CASE("energy is 0 at the first power, then grows by trapezoids") {
  EnergyBench bench;
  CHECK(bench.at(0, 100) == 0);
  CHECK(bench.at(1, 200) == 150);
  CHECK(bench.at(1.5, 200) == 250);
  CHECK(bench.at(5.5, 0) == 650);
}

TEST_CASE("a reading without power has no energy; the time to the next one is bridged where it is short") {
  EnergyBench bench;
  CHECK_FALSE(is_known(bench.at(0, absent)));
  CHECK(bench.at(1, 100) == 0);
  CHECK_FALSE(is_known(bench.at(3, absent)));
  CHECK(bench.at(6, 100) == 500);
}

TEST_CASE("what was not seen for longer than the gap counts nothing") {
  EnergyBench bench;
  bench.at(0, 100);
  CHECK(bench.at(1, 100) == 100);
  CHECK(bench.at(6.000001, 100) == 100);
  CHECK(bench.at(7.000001, 100) == doctest::Approx(200));
}

TEST_CASE("it never falls, not even where readings come out of order") {
  EnergyBench bench;
  bench.at(0, 100);
  CHECK(bench.at(2, 100) == 200);
  CHECK(bench.at(1, 100) == 200);
}

}  // namespace flopwatt::accelerators
