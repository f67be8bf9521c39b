#include "agent/accounting/counter.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "readings/reading_set.h"

using namespace flopwatt;
using namespace flopwatt::accounting;

namespace {

constexpr CounterBounds bounds{1e4, 1e6};  // 10 kW likely: 20 kJ in a second are believed, 2 MJ if confirmed

// A counter read each second; `add` returns the growth that became certain.
struct CounterReader {
  Counter counter;
  std::int64_t now_us = 0;
  double growth = 0;
  int epochs = 0;

  explicit CounterReader(Resolution resolution = {Wire::u64, 1, 0}) { counter.set_resolution(resolution); }

  double add(double value, double dt = 1) {
    now_us += static_cast<std::int64_t>(dt * 1e6);
    double grown = 0;
    for (const CounterStep& step : counter.add({now_us, value, {}}, bounds)) {
      CHECK(step.growth >= 0);
      CHECK(step.growth <=
            2 * bounds.possible_rate * 1e-6 * static_cast<double>(step.time_us - step.since_us) + 2);
      grown += step.growth;
      if (!step.known) ++epochs;
    }
    growth += grown;
    return grown;
  }
};

}  // namespace

TEST_CASE("a counter grows by differences from its first reading on") {
  CounterReader read;
  CHECK(read.add(1000) == 0);
  CHECK(read.add(1500) == 500);
  CHECK(read.add(1500) == 0);
  CHECK(read.add(9000) == 7500);
  CHECK(read.epochs == 1);
}

TEST_CASE("one wild or absent value is a glitch and costs nothing") {
  for (const double glitch :
       {0.0, 4294967295.0, 1e30, -5.0, absent, std::numeric_limits<double>::infinity()}) {
    CAPTURE(glitch);
    CounterReader read;
    read.add(5'000'000);
    read.add(5'000'100);
    CHECK(read.add(glitch) == 0);
    CHECK(read.add(5'000'300) == 200);
    CHECK(read.epochs == 1);
    CHECK(read.growth == 300);
  }
}

TEST_CASE("two glitches in a row, of different size, are still glitches") {
  CounterReader read;
  read.add(5'000'000);
  CHECK(read.add(0) == 0);
  CHECK(read.add(4e9) == 0);
  CHECK(read.add(5'000'300) == 300);
  CHECK(read.epochs == 1);
}

TEST_CASE("a reset is confirmed by the next two readings and starts a new epoch") {
  CounterReader read;
  read.add(5'000'000);
  read.add(5'000'100);
  CHECK(read.add(10) == 0);
  CHECK(read.add(110) == 0);
  CHECK(read.add(210) == 200);  // what grew since the reset, and nothing of the time before
  CHECK(read.add(310) == 100);
  CHECK(read.epochs == 2);
}

TEST_CASE("a jump that stays is a new epoch, not energy") {
  CounterReader read;
  read.add(1000);
  read.add(1100);
  CHECK(read.add(7'000'000) == 0);
  CHECK(read.add(7'000'100) == 0);
  CHECK(read.add(7'000'200) == 200);
  CHECK(read.epochs == 2);
}

TEST_CASE("a jump that its own rate explains is a load step and counts whole") {
  CounterReader read;
  read.add(1000);
  read.add(1100);
  CHECK(read.add(41'100) == 0);
  CHECK(read.add(81'100) == 0);
  CHECK(read.add(121'100) == 120'000);
  CHECK(read.epochs == 1);
}

TEST_CASE("a glitch in front of a new counter does not count as its start") {
  CounterReader read;
  read.add(5'000'000);
  read.add(5'000'100);
  read.add(0);
  read.add(90'000'000);
  read.add(90'000'100);
  CHECK(read.growth == 100);
  CHECK(read.add(90'000'200) == 200);
  CHECK(read.epochs == 2);
}

TEST_CASE("a wrap near a known modulus counts over the wrap") {
  SUBCASE("32 bits") {
    CounterReader read({Wire::u32, 1, 0});
    read.add(4294967000.0);
    read.add(4294967200.0);
    CHECK(read.add(104) == 0);
    CHECK(read.add(304) == 0);
    CHECK(read.add(504) == 4294967296.0 - 4294967200.0 + 504);
    CHECK(read.epochs == 1);
  }
  SUBCASE("the display's digits, a float in kWh") {
    CounterReader read({Wire::f32, 3.6e6, 0});
    read.add(99999.984375 * 3.6e6);
    read.add(99999.9921875 * 3.6e6);
    read.add(0);
    read.add(0);
    CHECK(read.add(0) == doctest::Approx(0.0078125 * 3.6e6));
    CHECK(read.epochs == 1);
  }
  SUBCASE("exactly at the modulus") {
    CounterReader read({Wire::i64, 1, 0});
    read.add(99'990);
    read.add(100'000);
    read.add(0);
    read.add(0);
    read.add(0);
    CHECK(read.add(70) == 70);
  }
}

TEST_CASE("a fall far from any modulus is no wrap") {
  CounterReader read({Wire::u32, 1, 0});
  read.add(4.0e9);
  read.add(10);
  read.add(20);
  CHECK(read.add(30) == 20);
  CHECK(read.epochs == 2);
}

TEST_CASE("a step back by rounding stands still and is not counted again") {
  CounterReader read({Wire::i64, 10, 0});
  read.add(1000);
  read.add(1020);
  CHECK(read.add(1010) == 0);
  CHECK(read.add(1020) == 0);
  CHECK(read.add(1030) == 10);
  CHECK(read.growth == 30);
  CHECK(read.epochs == 1);
}

TEST_CASE("another device begins a new epoch at once") {
  CounterReader read;
  read.add(1000);
  read.add(1100);
  read.counter.begin_epoch();
  CHECK(read.add(1200) == 0);
  CHECK(read.add(1300) == 100);
  CHECK(read.epochs == 2);
}

TEST_CASE("after a gap the counter catches up") {
  CounterReader read;
  read.add(1000);
  CHECK(read.add(1000 + 3600 * 1e4, 3600) == 3600 * 1e4);
}

TEST_CASE("a restored counter catches up and marks what grew before") {
  Counter counter;
  counter.set_resolution({Wire::u64, 1, 0});
  counter.restore({-60'000'000, 1000, {}});
  const auto first = counter.add({0, 61'000, {}}, bounds);
  REQUIRE(first.size() == 1);
  CHECK(first[0].known);
  CHECK(first[0].restored);
  CHECK(first[0].growth == 60'000);
  const auto second = counter.add({1'000'000, 61'500, {}}, bounds);
  REQUIRE(second.size() == 1);
  CHECK_FALSE(second[0].restored);
}

TEST_CASE("columns beside the value share its fate") {
  Counter counter;
  counter.set_resolution({Wire::f64, 1, 0});
  (void)counter.add({1'000'000, 100, {50, 200, 1}}, bounds);
  (void)counter.add({2'000'000, 1e15, {1, 1, 1}}, bounds);
  const auto steps = counter.add({3'000'000, 300, {150, 600, 3}}, bounds);
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].growth == 200);
  CHECK(steps[0].beside == std::array<double, 3>{100, 400, 2});
}

TEST_CASE("property: whatever resets and glitches, known growth is the truth of the known steps") {
  std::mt19937 random(20261123);
  const auto chance = [&](double p) { return std::uniform_real_distribution<double>(0, 1)(random) < p; };
  for (int round = 0; round < 200; ++round) {
    Counter counter;
    counter.set_resolution({Wire::u64, 1, 0});
    double truth = 0;  // of the device, never reset
    double register_ = std::uniform_real_distribution<double>(2e6, 9e6)(random);
    std::vector<double> truth_at{};  // by second
    double known = 0;
    double expected = 0;
    for (int second = 0; second < 300; ++second) {
      const double grown = std::floor(std::uniform_real_distribution<double>(0, 1.5e4)(random));
      truth += grown;
      register_ = chance(0.01) ? 1e6 + grown : std::floor(register_) + grown;
      truth_at.push_back(truth);
      const double read = chance(0.02)   ? 4294967295.0
                          : chance(0.02) ? 0.0
                          : chance(0.05) ? absent
                                         : register_;
      for (const CounterStep& step :
           counter.add({(second + 1) * std::int64_t{1'000'000}, read, {}}, bounds)) {
        REQUIRE(step.growth >= 0);
        known += step.growth;
        if (!step.known) continue;
        const auto index = [](std::int64_t time_us) {
          return static_cast<std::size_t>(time_us / 1'000'000 - 1);
        };
        const double true_growth = truth_at[index(step.time_us)] - truth_at[index(step.since_us)];
        expected += true_growth;
        // A counter that was reset and has passed its old value again unseen may show less, never more.
        REQUIRE(step.growth <= true_growth);
      }
    }
    CHECK(known <= expected);
    CHECK(known >= 0.97 * expected);
    CHECK(known >= 0.5 * truth);
  }
}
