#include "drivers/modbus/beats.h"

#include <doctest/doctest.h>

#include <vector>

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

TEST_CASE("beats are at multiples of the interval, in the slot") {
  Beats beats(1s, 40ms, Pace::steady, SteadyTime{10s});
  CHECK(beats.due() == SteadyTime{10'040ms});
  CHECK(beats.advance(SteadyTime{10'050ms}) == 0);
  CHECK(beats.due() == SteadyTime{11'040ms});
}

TEST_CASE("the first poll of a long interval does not wait for it") {
  Beats beats(60s, 20ms, Pace::steady, SteadyTime{70s});
  CHECK(beats.due() == SteadyTime{70'020ms});
  CHECK(beats.advance(SteadyTime{70'030ms}) == 0);
  CHECK(beats.due() == SteadyTime{120'020ms});
  CHECK(beats.advance(SteadyTime{120'030ms}) == 0);
  CHECK(beats.due() == SteadyTime{180'020ms});
}

TEST_CASE("a late poll does not shift the next, one beat is made up for, more are skipped") {
  Beats beats(1s, 0ms, Pace::steady, SteadyTime{10s});
  SUBCASE("late") {
    CHECK(beats.advance(SteadyTime{10'900ms}) == 0);
    CHECK(beats.due() == SteadyTime{11s});
  }
  SUBCASE("one beat came due: a neighbour's timeout") {
    CHECK(beats.advance(SteadyTime{11'010ms}) == 0);
    CHECK(beats.due() == SteadyTime{11s});
    CHECK(beats.advance(SteadyTime{11'020ms}) == 0);
    CHECK(beats.due() == SteadyTime{12s});
  }
  SUBCASE("three beats came due") {
    CHECK(beats.advance(SteadyTime{13'010ms}) == 2);
    CHECK(beats.due() == SteadyTime{13s});
  }
}

TEST_CASE("what is left alone is due again at a beat") {
  Beats beats(1s, 40ms, Pace::steady, SteadyTime{10s});
  SUBCASE("later") {
    beats.defer(SteadyTime{13'500ms});
    CHECK(beats.due() == SteadyTime{14'040ms});
  }
  SUBCASE("exactly at one") {
    beats.defer(SteadyTime{13'040ms});
    CHECK(beats.due() == SteadyTime{13'040ms});
  }
  SUBCASE("never at the same beat again") {
    beats.defer(SteadyTime{10'000ms});
    CHECK(beats.due() == SteadyTime{11'040ms});
  }
}

TEST_CASE("an extra first poll that failed is repeated at a beat") {
  Beats beats(60s, 20ms, Pace::steady, SteadyTime{70s});
  beats.defer(SteadyTime{75s});
  CHECK(beats.due() == SteadyTime{120'020ms});
}

TEST_CASE(
    "moving beats: a late poll is made up for once, more are skipped, what is left alone is due at a beat") {
  Beats beats(1s, 40ms, Pace::moving, SteadyTime{1000s});
  std::vector<SteadyTime> dues{beats.due()};
  for (Beats ahead = beats; dues.size() < 40; dues.push_back(ahead.due()))
    CHECK(ahead.advance(dues.back()) == 0);
  SUBCASE("one beat came due") {
    CHECK(beats.advance(dues[1] + 1ms) == 0);
    CHECK(beats.due() == dues[1]);
  }
  SUBCASE("thirty came due") {
    CHECK(beats.advance(dues[30] + 1ms) == 29);
    CHECK(beats.due() == dues[30]);
  }
  SUBCASE("left alone") {
    beats.defer(dues[20] - 1ms);
    CHECK(beats.due() == dues[20]);
    beats.defer(dues[20]);
    CHECK(beats.due() == dues[21]);
  }
}
