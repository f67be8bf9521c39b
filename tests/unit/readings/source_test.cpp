#include "readings/source.h"

#include <doctest/doctest.h>

#include "readings/reading_set.h"

using namespace flopwatt;
using namespace std::chrono_literals;

TEST_CASE("a source is stale after three effective periods, but not before 5 s") {
  Source source;
  source.effective_period = 1s;
  CHECK(source.stale_after() == 5s);
  source.effective_period = 2s;
  CHECK(source.stale_after() == 6s);
  source.effective_period = 100ms;
  CHECK(source.stale_after() == 5s);
  // What counts is the period in fact, not the interval that was wished for.
  source.interval = 1s;
  source.effective_period = 60s;
  CHECK(source.stale_after() == 180s);
}

TEST_CASE("a channel is found among the fields") {
  Source source;
  source.fields.resize(2);
  source.fields[0].channel = {Quantity::active_power};
  source.fields[1].channel = {Quantity::voltage, Place::l1};
  CHECK(source.index_of({Quantity::voltage, Place::l1}) == 1u);
  CHECK(source.index_of({Quantity::active_power}) == 0u);
  CHECK_FALSE(source.index_of({Quantity::voltage, Place::l2}));
  CHECK_FALSE(source.index_of({Quantity::active_power, Place::branch, 1}));
}

TEST_CASE("an absent value is no number and is not counted") {
  CHECK_FALSE(is_known(absent));
  CHECK(is_known(0.0));
  ReadingSet set;
  set.values = {1.0, absent, 0.0, absent};
  CHECK(set.known_count() == 2);
}

TEST_CASE("a decimal scale gives the decimal number") {
  CHECK(held_value(2301, 0.1) == 230.1);
  CHECK(held_value(646800, 0.001) == 646.8);
  CHECK(held_value(-4998, 0.01) == -49.98);
  CHECK(held_value(3, 1000) == 3000);
  CHECK(held_value(3, 0.3) == 3 * 0.3);  // not one over a whole number
  CHECK(held_value(3, -0.1) == 3 * -0.1);
}
