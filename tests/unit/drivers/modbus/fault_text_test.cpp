#include "drivers/modbus/fault_text.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

TEST_CASE("a moment to come is told by the clock on the wall, in UTC, rounded up") {
  constexpr std::int64_t wall_s = 1'795'437'841;  // 2026-11-23T12:44:01Z
  const SteadyTime boot_and_an_hour{3600s};
  const Moment now{wall_s * 1'000'000 + 250'000, 3'600'000'000};
  CHECK(time_of_day(boot_and_an_hour, now) == "12:44:02Z");
  CHECK(time_of_day(boot_and_an_hour + 750ms, now) == "12:44:02Z");
  CHECK(time_of_day(boot_and_an_hour + 62s, now) == "12:45:04Z");
  CHECK(time_of_day(boot_and_an_hour + 12h, now) == "00:44:02Z");
}

TEST_CASE("a distance to come is told where it is read at once") {
  const SteadyTime now{1000s};
  CHECK(time_until(now, now) == "at once");
  CHECK(time_until(now + 42'100ms, now) == "in 43 s");
  CHECK(time_until(now + 11min + 1s, now) == "in 12 min");
}
