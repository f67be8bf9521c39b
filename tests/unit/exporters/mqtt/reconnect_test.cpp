#include "exporters/mqtt/reconnect.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using flopwatt::SteadyTime;
using flopwatt::mqtt::Reconnect;

namespace {

constexpr SteadyTime t0{1000s};

double seconds_until(SteadyTime again) { return std::chrono::duration<double>(again - t0).count(); }

}  // namespace

TEST_CASE("waits grow from 1 s to at most 30 s, spread by chance") {
  Reconnect low, high;
  double before = 0;
  for (int i = 0; i < 10; ++i) {
    const double longest = seconds_until(high.after_failure(t0, 0));
    const double shortest = seconds_until(low.after_failure(t0, 1));
    CHECK(shortest >= 1);
    CHECK(longest <= 30);
    CHECK(longest > shortest);
    CHECK(longest >= before);
    before = longest;
  }
  CHECK(before == 30);
  CHECK(seconds_until(low.after_failure(t0, 1)) == 15);
}

TEST_CASE("a connection that held starts over; refused credentials wait the longest") {
  Reconnect reconnect;
  for (int i = 0; i < 6; ++i) reconnect.after_failure(t0, 0);
  reconnect.connection_ended(5min);
  CHECK(seconds_until(reconnect.after_failure(t0, 0)) == 2);
  CHECK(seconds_until(reconnect.after_refusal(t0)) == 30);
}

TEST_CASE("connections lost at once, three times in a row, are suspicious and do not start over") {
  Reconnect reconnect;
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(reconnect.suspicious());
    reconnect.connection_ended(20ms);
    reconnect.after_failure(t0, 0);
  }
  CHECK(reconnect.suspicious());
  CHECK(seconds_until(reconnect.after_failure(t0, 0)) == 16);
  reconnect.connection_ended(1min);
  CHECK_FALSE(reconnect.suspicious());
}
