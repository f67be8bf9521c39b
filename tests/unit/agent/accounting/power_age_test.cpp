#include "agent/accounting/power_age.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using model::us;

namespace {

// Polls each second at a phase that moves, as the agent's do.
double moving_poll(int number) { return number + 0.6 * std::fmod(number * 0.618034, 1); }

double restless_watts(double t) { return 5000 + 1000 * std::sin(1.7 * t) + 300 * std::sin(0.31 * t); }

// `shown_at`: the moment whose power is shown at a time.
PowerAge age_after(int polls, const std::function<double(double)>& shown_at,
                   const std::function<RegisterMove(double, double)>& move = {}) {
  PowerAge age;
  for (int i = 0; i < polls; ++i) {
    const double t = moving_poll(i);
    age.observe(us(t), restless_watts(shown_at(t)),
                move && i > 0 ? move(moving_poll(i - 1), t) : RegisterMove::unknown);
  }
  return age;
}

std::function<double(double)> each(double refresh) {
  return [=](double t) { return std::floor(t / refresh) * refresh; };
}

// A register of the same meter, refreshed each so many seconds.
std::function<RegisterMove(double, double)> register_each(double refresh) {
  return [=](double before, double t) {
    return std::floor(before / refresh) == std::floor(t / refresh) ? RegisterMove::rested
                                                                   : RegisterMove::moved;
  };
}

}  // namespace

TEST_CASE("power that repeats under a moving load is as old as the beat of its changes") {
  for (const double refresh : {3.0, 5.0, 10.0, 30.0}) {
    CAPTURE(refresh);
    CHECK(age_after(700, each(refresh)).greatest_s(0, 0) == doctest::Approx(refresh).epsilon(0.15));
  }
}

TEST_CASE("live power is not old, and neither is that of a load that stands still for times of all lengths") {
  CHECK(age_after(700, [](double t) { return t; }).greatest_s(0, 0) == 0);
  CHECK(age_after(700, [](double) { return 0.0; }).greatest_s(0, 0) == 0);
  const auto plateau = [](double t) {
    double begin = 0;
    for (int i = 1;; ++i) {
      const double length = 4 + 12 * std::fmod(i * 0.7548777, 1);
      if (begin + length > t) return begin;
      begin += length;
    }
  };
  CHECK(age_after(700, plateau).greatest_s(0, 0) == 0);
  PowerAge two_levels;
  const auto square = model::steps(2000, 12'000, 13.7, 0.37);
  for (int i = 0; i < 700; ++i)
    two_levels.observe(us(moving_poll(i)), square.watts(moving_poll(i)), RegisterMove::unknown);
  CHECK(two_levels.greatest_s(0, 0) == 0);
}

TEST_CASE("power is presumed as old as the register or as told, until it changes without the register") {
  // Not enough changes to know the beat by itself.
  CHECK(age_after(30, each(5), register_each(5)).greatest_s(0, 6) == doctest::Approx(5).epsilon(0.2));
  CHECK(age_after(30, [](double) { return 0.0; }).greatest_s(10, 0) == 10);
  CHECK(age_after(
            700, [](double t) { return t; }, register_each(10))
            .greatest_s(10, 10) == 0);
  // Told of a meter without register: its changes tell better.
  CHECK(age_after(700, [](double t) { return t; }).greatest_s(60, 0) < 2);
}

TEST_CASE("two levels of power beside a register that moves with them may be as old as their changes allow") {
  const auto age_of_bursts = [](int polls, double refresh, RegisterMove move) {
    PowerAge age;
    for (int i = 0; i < polls; ++i) {
      const double shown = std::floor(moving_poll(i) / refresh) * refresh;
      const bool is_burst = std::fmod(shown, 21) < refresh;  // one refresh of each 21 s
      age.observe(us(moving_poll(i)), is_burst ? 8000 : 90, move);
    }
    return age.greatest_s(0, 0);
  };
  for (const int polls : {60, 700}) {
    CHECK(age_of_bursts(polls, 7, RegisterMove::moved) == doctest::Approx(7).epsilon(0.25));
    CHECK(age_of_bursts(polls, 1, RegisterMove::moved) < 3);
    CHECK(age_of_bursts(polls, 7, RegisterMove::unknown) == 0);  // there is no register
  }
}
