#include "runtime/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

using namespace flopwatt;
using namespace std::chrono_literals;

namespace {

SteadyTime at(std::chrono::microseconds since_start) { return SteadyTime{} + since_start; }

// The first `count` moving beats at or after `from`.
std::vector<SteadyTime> beats_from(std::chrono::microseconds period, std::chrono::microseconds offset,
                                   SteadyTime from, std::size_t count) {
  Schedule schedule(period, offset, Pace::moving, from);
  std::vector<SteadyTime> beats{schedule.due()};
  while (beats.size() < count) {
    CHECK(schedule.advance(schedule.due()) == 0);
    beats.push_back(schedule.due());
  }
  return beats;
}

}  // namespace

TEST_CASE("a schedule starts at the first beat at or after now") {
  CHECK(Schedule(1s, 20ms, Pace::steady, at(5'000ms)).due() == at(5'020ms));
  CHECK(Schedule(1s, 20ms, Pace::steady, at(5'020ms)).due() == at(5'020ms));
  CHECK(Schedule(1s, 20ms, Pace::steady, at(5'020'001us)).due() == at(6'020ms));
}

TEST_CASE("beats are absolute: a late poll does not shift the next one") {
  Schedule schedule(1s, 0us, Pace::steady, at(10s));
  CHECK(schedule.advance(at(10'700ms)) == 0);
  CHECK(schedule.due() == at(11s));
  CHECK(schedule.advance(at(11'001ms)) == 0);
  CHECK(schedule.due() == at(12s));
}

TEST_CASE("beats that have passed are skipped and counted, never caught up") {
  Schedule schedule(1s, 0us, Pace::steady, at(10s));
  CHECK(schedule.advance(at(13'500ms)) == 3);
  CHECK(schedule.due() == at(14s));
  SUBCASE("a beat that is due at this very moment has passed") {
    CHECK(schedule.advance(at(15s)) == 1);
    CHECK(schedule.due() == at(16s));
  }
}

TEST_CASE("buses are spread over the slots of a second, none in the accelerators' slot 0") {
  std::set<std::chrono::milliseconds> offsets;
  for (std::size_t bus = 0; bus < slots_per_second - 1; ++bus) offsets.insert(slot_offset(bus));
  CHECK(offsets.size() == slots_per_second - 1);
  CHECK(*offsets.begin() == slot_width);
  CHECK(*offsets.rbegin() < 1s);
  CHECK(slot_offset(slots_per_second - 1) == slot_offset(0));
}

TEST_CASE("moving beats are in their period, and their distance is 0.6 to 1.4 periods") {
  for (const std::chrono::milliseconds period : {100ms, 250ms, 1'000ms, 60'000ms}) {
    Schedule schedule(period, 40ms, Pace::moving, at(1'000'000ms));
    for (SteadyTime last; last = schedule.due(), schedule.beat() < 10'000'000ms / period;) {
      const auto moved = last - at(schedule.beat() * period + 40ms);
      REQUIRE(moved >= 0ms);
      REQUIRE(moved < period);
      REQUIRE(schedule.advance(last) == 0);
      REQUIRE((schedule.due() - last) * 10 > 6 * period);
      REQUIRE((schedule.due() - last) * 10 < 14 * period);
    }
  }
}

TEST_CASE("all buses of one interval move together, whenever they began") {
  const auto first = beats_from(1s, slot_offset(0), at(5'000s), 100);
  const auto second = beats_from(1s, slot_offset(7), at(5'000s), 101);
  const bool is_behind = second.front() < first.front();  // a beat of before was still to come
  for (std::size_t i = 0; i < first.size(); ++i)
    CHECK(second[i + (is_behind ? 1 : 0)] - first[i] == slot_offset(7) - slot_offset(0));
  for (const std::size_t later : {1U, 19U, 50U}) {
    const auto begun_later = beats_from(1s, slot_offset(0), first[later] - 1us, 40);
    for (std::size_t i = 0; i < 40; ++i) CHECK(begun_later[i] == first[later + i]);
  }
}

TEST_CASE("moving beats that have passed are counted, after a stall of any length") {
  const SteadyTime begin = at(77s);
  const auto beats = beats_from(250ms, 20ms, begin, 400);
  for (std::size_t stall = 0; stall < 300; stall += 7) {
    const SteadyTime on_time = beats[stall], between = beats[stall] + (beats[stall + 1] - beats[stall]) / 2;
    for (const SteadyTime now : {on_time, between}) {
      Schedule schedule(250ms, 20ms, Pace::moving, begin);
      CHECK(schedule.advance(now) == stall);
      CHECK(schedule.due() == beats[stall + 1]);
      Schedule patient(250ms, 20ms, Pace::moving, begin);
      CHECK(patient.catch_up(now) == (stall < 2 ? 0 : stall - 1));
      CHECK(patient.due() == beats[std::max<std::size_t>(stall, 1)]);
    }
  }
}

TEST_CASE("a moving schedule steadies at the beat after the one that is due") {
  Schedule schedule(1s, 20ms, Pace::moving, at(100s));
  const SteadyTime due = schedule.due();
  const auto beat = schedule.beat();
  schedule.set_pace(Pace::steady);
  CHECK(schedule.due() == due);
  CHECK(schedule.advance(due) == 0);
  CHECK(schedule.due() == at((beat + 1) * 1s + 20ms));
}
