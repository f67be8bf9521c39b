#include "exporters/mqtt/backoff.h"

#include <doctest/doctest.h>

using flopwatt::mqtt::Backoff;

TEST_CASE("pauses grow from 1 s to at most 30 s, spread by chance") {
  Backoff low, high;
  double before = 0;
  for (int i = 0; i < 10; ++i) {
    const double shortest = low.after_failure(0).count(), longest = high.after_failure(1).count();
    CHECK(shortest >= 1);
    CHECK(longest <= 30);
    CHECK(longest > shortest);
    CHECK(longest >= before);
    before = longest;
  }
  CHECK(before == 30);
  CHECK(low.after_failure(0).count() == 15);
}

TEST_CASE("a connection that held starts over; refused credentials wait the longest") {
  Backoff backoff;
  for (int i = 0; i < 6; ++i) (void)backoff.after_failure(1);
  backoff.connection_ended(std::chrono::minutes(5));
  CHECK(backoff.after_failure(1).count() == 2);
  CHECK(backoff.after_refusal().count() == 30);
}

TEST_CASE("connections lost at once, three times in a row, are suspicious and do not start over") {
  Backoff backoff;
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(backoff.suspicious());
    backoff.connection_ended(std::chrono::milliseconds(20));
    (void)backoff.after_failure(1);
  }
  CHECK(backoff.suspicious());
  CHECK(backoff.after_failure(1).count() == 16);
  backoff.connection_ended(std::chrono::minutes(1));
  CHECK_FALSE(backoff.suspicious());
}
