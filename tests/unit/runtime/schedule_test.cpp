#include "runtime/schedule.h"

#include <doctest/doctest.h>

#include <set>

using namespace flopwatt;
using namespace std::chrono_literals;

namespace {

SteadyTime at(std::chrono::microseconds since_start) { return SteadyTime{} + since_start; }

}  // namespace

TEST_CASE("a schedule starts at the first beat at or after now") {
  CHECK(Schedule(1s, 20ms, at(5'000ms)).due() == at(5'020ms));
  CHECK(Schedule(1s, 20ms, at(5'020ms)).due() == at(5'020ms));
  CHECK(Schedule(1s, 20ms, at(5'020'001us)).due() == at(6'020ms));
}

TEST_CASE("beats are absolute: a late poll does not shift the next one") {
  Schedule schedule(1s, 0us, at(10s));
  CHECK(schedule.advance(at(10'700ms)) == 0);
  CHECK(schedule.due() == at(11s));
  CHECK(schedule.advance(at(11'001ms)) == 0);
  CHECK(schedule.due() == at(12s));
}

TEST_CASE("beats that have passed are skipped and counted, never caught up") {
  Schedule schedule(1s, 0us, at(10s));
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
