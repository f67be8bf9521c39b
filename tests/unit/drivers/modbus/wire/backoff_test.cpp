#include "drivers/modbus/wire/backoff.h"

#include <doctest/doctest.h>

#include <vector>

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

namespace {

std::vector<double> waits(std::chrono::microseconds base, int failures, double chance) {
  Backoff backoff(base);
  std::vector<double> seconds;
  for (int i = 0; i < failures; ++i) {
    const SteadyTime now{1000s};
    backoff.fail(now, chance);
    seconds.push_back(std::chrono::duration<double>(backoff.retry_at() - now).count());
  }
  return seconds;
}

}  // namespace

TEST_CASE("the wait doubles up to a minute") {
  CHECK(waits(1s, 9, 0) == std::vector<double>{1, 2, 4, 8, 16, 32, 60, 60, 60});
}

TEST_CASE("chance takes up to a quarter off") {
  CHECK(waits(1s, 2, 0.5) == std::vector<double>{0.875, 1.75});
  for (int i = 0; i < 1000; ++i) {
    const double drawn = chance();
    CHECK((drawn >= 0 && drawn < 1));
  }
}

TEST_CASE("who is asked seldom is not asked oftener for failing") {
  CHECK(waits(15min, 2, 0) == std::vector<double>{900, 900});
}

TEST_CASE("a success ends it") {
  Backoff backoff(1s);
  CHECK_FALSE(backoff.failing());
  backoff.fail(SteadyTime{}, 0);
  backoff.fail(SteadyTime{}, 0);
  CHECK(backoff.failing());
  backoff.succeed();
  CHECK_FALSE(backoff.failing());
  backoff.fail(SteadyTime{}, 0);
  CHECK(backoff.retry_at() == SteadyTime{1s});
}
