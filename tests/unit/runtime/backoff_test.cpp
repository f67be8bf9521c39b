#include "runtime/backoff.h"

#include <doctest/doctest.h>

#include <vector>

using namespace flopwatt;
using namespace std::chrono_literals;

namespace {

constexpr Backoff::Policy policy(std::chrono::microseconds first) { return {first, 60s, 0.25}; }

std::vector<double> waits(std::chrono::microseconds first, int failures, double chance) {
  Backoff backoff(policy(first));
  std::vector<double> seconds;
  for (int i = 0; i < failures; ++i) {
    const SteadyTime now{1000s};
    const SteadyTime again = backoff.fail(now, chance);
    CHECK(again == backoff.retry_at());
    seconds.push_back(std::chrono::duration<double>(backoff.retry_at() - now).count());
  }
  return seconds;
}

}  // namespace

TEST_CASE("the wait doubles up to the longest") {
  CHECK(waits(1s, 9, 0) == std::vector<double>{1, 2, 4, 8, 16, 32, 60, 60, 60});
}

TEST_CASE("chance takes up to the jitter off") {
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
  Backoff backoff(policy(1s));
  CHECK_FALSE(backoff.failing());
  backoff.fail(SteadyTime{}, 0);
  backoff.fail(SteadyTime{}, 0);
  CHECK(backoff.failing());
  backoff.succeed();
  CHECK_FALSE(backoff.failing());
  backoff.fail(SteadyTime{}, 0);
  CHECK(backoff.retry_at() == SteadyTime{1s});
}
