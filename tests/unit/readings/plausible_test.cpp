#include "readings/plausible.h"

#include <doctest/doctest.h>

#include <cfloat>
#include <cmath>
#include <limits>

#include "readings/reading_set.h"

using namespace flopwatt;

TEST_CASE("what no site has is no measurement") {
  using enum Quantity;
  constexpr double biggest = FLT_MAX;
  for (const Quantity quantity :
       {active_power, apparent_power, reactive_power, power_factor, frequency, voltage, current,
        energy_import, energy_export, power, power_limit, energy, utilization, pipe_active, memory_used,
        memory_total, core_clock, temperature}) {
    CAPTURE(static_cast<int>(quantity));
    CHECK_FALSE(is_plausible(quantity, biggest));
    CHECK_FALSE(is_plausible(quantity, -biggest));
    CHECK_FALSE(is_plausible(quantity, std::numeric_limits<double>::infinity()));
    CHECK_FALSE(is_plausible(quantity, absent));
    CHECK(is_plausible(quantity, 0));
  }
  CHECK_FALSE(is_plausible(energy_import, -1));
  CHECK_FALSE(is_plausible(energy, -1e-3));
  CHECK_FALSE(is_plausible(frequency, -50));
  CHECK_FALSE(is_plausible(power_factor, 2.01));
  CHECK_FALSE(is_plausible(active_power, -1.01e9));
}

TEST_CASE("what a site may have is one") {
  using enum Quantity;
  CHECK(is_plausible(active_power, -40e6));  // exports
  CHECK(is_plausible(active_power, 800e6));
  CHECK(is_plausible(voltage, 765e3));
  CHECK(is_plausible(voltage, -48));
  CHECK(is_plausible(current, 400e3));
  CHECK(is_plausible(frequency, 400));
  CHECK(is_plausible(power_factor, -2));     // a quadrant of some meters
  CHECK(is_plausible(energy_import, 1e15));  // 1 PWh
  CHECK(is_plausible(utilization, 1));
  CHECK(is_plausible(temperature, -20));
}

TEST_CASE("what the agent computes has no range, but is a number") {
  CHECK(is_plausible(Quantity::work, 1e30));
  CHECK(is_plausible(Quantity::joules_per_flop, 1e-30));
  CHECK_FALSE(is_plausible(Quantity::work, absent));
}

TEST_CASE("a message names the value, its unit and the range") {
  CHECK(beyond_plausible(Quantity::active_power, 3.4e38, "W") ==
        "3.4e+38 W, which is beyond what any site has (-1e+09 to 1e+09 W)");
  CHECK(beyond_plausible(Quantity::power_factor, 98, "1") ==
        "98, which is beyond what any site has (-2 to 2)");
}
