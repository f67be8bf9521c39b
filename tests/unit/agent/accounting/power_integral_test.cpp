#include "agent/accounting/power_integral.h"

#include <doctest/doctest.h>

#include "readings/reading_set.h"

using namespace flopwatt;
using namespace flopwatt::accounting;

namespace {

struct IntegralReader {
  PowerIntegral integral;
  LikelyPower likely;
  std::int64_t now_us = 0;
  double variance = 0;

  double add(double watts, double dt = 1) {
    now_us += static_cast<std::int64_t>(dt * 1e6);
    double joules = 0;
    for (const PowerStep& step : integral.add(now_us, watts, likely)) {
      likely.observe(step.time_us, step.watts);
      joules += step.joules;
      variance += step.variance;
    }
    return joules;
  }
};

}  // namespace

TEST_CASE(
    "power is integrated by trapezoids, with the variance of one step in between, shown by a mean of up to 1 "
    "s") {
  IntegralReader read;
  CHECK(read.add(1000) == 0);
  CHECK(read.add(1000) == 1000);
  CHECK(read.add(3000, 2) == 4000);
  CHECK(read.variance == doctest::Approx(2000.0 * 2000 * (4 + 1) / 12));
}

TEST_CASE("a value that repeats within its age is no new reading") {
  IntegralReader read;
  read.integral.set_age(4);
  read.add(1000);
  read.add(1000);
  read.add(3000);  // 2 s after the first; live since when is not known
  read.variance = 0;
  for (int i = 0; i < 3; ++i) read.add(3000);
  CHECK(read.variance == 0);
  read.add(1000);  // 4 s later, and back
  CHECK(read.variance == doctest::Approx(2000.0 * 2000 * ((16 + 1) / 12.0 + 16 / 4.0 + 5.0 / 6 * 16)));
  for (int i = 0; i < 9; ++i) read.add(1000);
  read.variance = 0;
  read.add(2000);  // the load stood still before: one step, and no more than the age
  CHECK(read.variance == doctest::Approx(1000.0 * 1000 * ((16 + 1) / 12.0 + 16 / 4.0)));
}

TEST_CASE("a dropped reading tells what a burst would have been, an absurd one nothing") {
  PowerIntegral integral;
  LikelyPower likely;
  const auto add = [&](double seconds, double watts) {
    PowerStep last;
    for (const PowerStep& step : integral.add(static_cast<std::int64_t>(seconds * 1e6), watts, likely)) {
      likely.observe(step.time_us, step.watts);
      last = step;
    }
    return last;
  };
  add(1, 90);
  add(2, 90);
  add(3, 8090);
  const PowerStep over_burst = add(4, 90);
  CHECK_FALSE(over_burst.is_known);
  CHECK(over_burst.to_and_fro == doctest::Approx(8000.0 * 8000));
  add(5, 6.5e7);
  CHECK(add(6, 90).to_and_fro == 0);
}

TEST_CASE("a wild reading is left out, a load step counts from its start") {
  SUBCASE("glitch") {
    IntegralReader read;
    read.add(5000);
    read.add(5000);
    CHECK(read.add(6.5e7) == 0);
    CHECK(read.integral.in_doubt());
    CHECK(read.add(5000) == 10'000);
    CHECK_FALSE(read.integral.in_doubt());
    CHECK(read.likely.limit() == doctest::Approx(50'000).epsilon(0.01));
  }
  SUBCASE("load step") {
    IntegralReader read;
    read.add(100);
    read.add(100);
    CHECK(read.add(20'000) == 0);
    CHECK(read.add(20'000) == 0.5 * 20'100 + 20'000);
  }
  SUBCASE("the very first reading") {
    IntegralReader read;
    CHECK(read.add(6.5e7) == 0);
    CHECK(read.add(5000) == 0);
    CHECK(read.add(5000) == 5000);
  }
}

TEST_CASE("export is no negative import, and what is absent is no reading") {
  IntegralReader read;
  read.add(100);
  read.add(100);
  CHECK(read.add(-400) == 50);
  CHECK(read.add(absent) == 0);
  CHECK(read.add(0) == 0);
  CHECK(read.integral.last_us() == 5'000'000);
}

TEST_CASE("likely power forgets within hours") {
  LikelyPower likely;
  CHECK(likely.limit() == LikelyPower::unknown_watts);
  likely.observe(0, 20'000);
  CHECK(likely.limit() == 200'000);
  likely.observe(4 * 3'600'000'000LL, 500);
  CHECK(likely.limit() == 5'000);
}

TEST_CASE("0 W are known power: no reading of them is in doubt, and the first wild one is") {
  IntegralReader read;
  read.add(0);
  for (int i = 0; i < 10; ++i) {
    CHECK(read.add(0) == 0);
    CHECK_FALSE(read.integral.in_doubt());
    CHECK(read.likely.is_known());
  }
  CHECK(read.add(6.5e7) == 0);
  CHECK(read.integral.in_doubt());
  CHECK(read.add(0) == 0);
  CHECK_FALSE(read.integral.in_doubt());
}
