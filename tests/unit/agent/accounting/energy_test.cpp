#include "agent/accounting/energy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using model::us;

namespace {

const Retention energy_retention{1000 * std::int64_t{1'000'000}, {}};

EnergySeries series(double step_joules, bool has_power = true) {
  EnergySeries energy;
  EnergyShape shape;
  shape.counter = Resolution{Wire::i64, step_joules, 0};
  if (has_power) shape.power = Resolution{Wire::f32, 1, 0};
  shape.longest_gap_us = 5'000'000;
  shape.accuracy = 0.01;
  energy.set_shape(shape);
  return energy;
}

// Reads a load each second; what the register shows is cut to its step.
void read(EnergySeries& energy, const model::Load& load, double step, double from, double to,
          double register_gain = 1) {
  for (double t = from; t <= to; t += 1) {
    const double joules = std::floor((1e9 + register_gain * load.joules(t)) / step) * step;
    energy.add({us(t), joules, load.watts(t), 1e-6}, energy_retention);
  }
}

/// A load of two powers that changes at random, each time after `shortest` to `longest` seconds.
class RandomLoad {
 public:
  RandomLoad(std::mt19937& random, double shortest, double longest, double until) {
    std::uniform_real_distribution<double> length(shortest, longest);
    double watts = 100;
    for (double t = -1, joules = 0; t < until; watts = 800 - watts) {
      changes_.push_back({t, joules, watts});
      const double dt = length(random);
      joules += watts * dt;
      t += dt;
    }
  }
  double joules(double t) const {
    const auto after = std::ranges::upper_bound(changes_, t, {}, &Change::at);
    const Change& change = *std::prev(after);
    return change.joules + change.watts * (t - change.at);
  }

 private:
  struct Change {
    double at, joules, watts;
  };
  std::vector<Change> changes_;
};

constexpr double sensor_window = 0.025, sensor_period = 0.1;

/// The minute from 5 s of a device whose sensor and counter see 25 ms of each 100 ms of the load.
EnergyPart minute_of_sensor(const RandomLoad& load, std::mt19937& random) {
  EnergySeries energy;
  EnergyShape shape;
  shape.counter = Resolution{Wire::u64, 1e-3, 0};
  shape.power = Resolution{Wire::u32, 1e-3, 0};
  shape.longest_gap_us = 5'000'000;
  shape.unseen_s = sensor_period - sensor_window;
  shape.interval_s = 1;
  energy.set_shape(shape);
  std::uniform_real_distribution<double> phase(0, 0.4);
  double joules = 0, watts = 0;
  int periods = 0;
  for (int second = 0; second <= 70; ++second) {
    const double t = second + phase(random);
    for (; periods * sensor_period <= t; ++periods) {
      const double end = periods * sensor_period;
      watts = (load.joules(end) - load.joules(end - sensor_window)) / sensor_window;
      joules += watts * sensor_period;
    }
    energy.add({us(t), joules, watts, sensor_period * sensor_period / 12}, energy_retention);
  }
  return energy.part(EnergyEstimate::counter, TimeSpans{{us(5), us(65)}});
}

EnergyPart part(const EnergySeries& energy, double from, double to) {
  const TimeSpan window{us(from), us(to)};
  return energy.part(energy.choose(window), std::vector{window});
}

}  // namespace

TEST_CASE("a fine register gives a long window, integration a short one under a coarse register") {
  const auto load = model::constant(10'000);
  SUBCASE("1 Wh over 300 s of a load that moves") {
    auto energy = series(3600);
    read(energy, model::steps(5000, 15'000, 7, 0.5), 3600, 0, 300);
    CHECK(energy.choose({us(0), us(300)}) == EnergyEstimate::counter);
  }
  SUBCASE("0.1 kWh in a minute: the error is far below the register's step") {
    auto energy = series(360'000);
    read(energy, load, 360'000, 0, 300);
    for (double end = 70; end <= 300; end += 7) {
      CHECK(energy.choose({us(end - 60), us(end)}) == EnergyEstimate::integral);
      const EnergyPart minute = part(energy, end - 60, end);
      CHECK(minute.joules == doctest::Approx(600'000).epsilon(1e-6));
    }
  }
  SUBCASE("0.1 kWh in a minute and no power: the step is inside what is stated") {
    for (const double watts : {1000, 3000, 10'000}) {
      auto energy = series(360'000, false);
      read(energy, model::constant(watts), 360'000, 0, 1000);
      for (double end = 70; end <= 1000; end += 0.7) {
        const EnergyPart minute = part(energy, end - 60, end);
        CHECK(std::abs(minute.joules - 60 * watts) <= 2 * std::sqrt(minute.variance()));
      }
    }
  }
}

TEST_CASE("a counter whose sensor sees a quarter of the time errs by what it states") {
  std::mt19937 random(7);
  int inside = 0;
  double errors = 0, stated = 0;
  for (int trial = 0; trial < 200; ++trial) {
    const RandomLoad load(random, 0.02, 0.15, 75);
    const EnergyPart minute = minute_of_sensor(load, random);
    const double error = minute.joules - (load.joules(65) - load.joules(5));
    CHECK(minute.is_partly_unseen);
    inside += std::abs(error) <= 2 * std::sqrt(minute.variance()) ? 1 : 0;
    errors += error * error;
    stated += minute.variance();
  }
  CHECK(inside >= 190);
  CHECK(std::sqrt(stated / errors) < 2.5);
}

TEST_CASE("a load that moves slower than the sensor is seen, and little is stated") {
  std::mt19937 random(8);
  const RandomLoad load(random, 8, 20, 75);
  const EnergyPart minute = minute_of_sensor(load, random);
  CHECK(std::sqrt(minute.unseen_variance) < 0.01 * minute.joules);
}

TEST_CASE("power that is under-sampled contradicts the register, which is then believed") {
  // 500 ms on, 500 ms off, always read while on: power says 20 kW and no variance at all, the truth is 10 kW.
  auto energy = series(3600);
  const auto load = model::steps(0, 20'000, 1, 0.5, -0.25);
  read(energy, load, 3600, 0, 60);
  CHECK(load.watts(30) == 20'000);
  CHECK(energy.choose({us(0), us(60)}) == EnergyEstimate::counter);
  CHECK(part(energy, 0, 60).joules == doctest::Approx(600'000).epsilon(0.01));
}

TEST_CASE("class errors between power and register are no contradiction") {
  auto energy = series(360'000);
  read(energy, model::constant(10'000), 360'000, 0, 300, 1.008);
  CHECK(energy.choose({us(0), us(300)}) == EnergyEstimate::integral);
}

TEST_CASE("where the register was absent, power gives the window") {
  auto energy = series(1);  // much finer than what integration knows of this load
  const auto load = model::steps(5000, 15'000, 7, 0.5);
  for (int t = 0; t <= 60; ++t)
    energy.add({us(t), t < 40 ? 1e9 + load.joules(t) : absent, load.watts(t), 1e-6}, energy_retention);
  CHECK(energy.choose({us(0), us(39)}) == EnergyEstimate::counter);
  CHECK(energy.choose({us(0), us(60)}) == EnergyEstimate::integral);
  CHECK(energy.reached_us() == us(60));
}

TEST_CASE(
    "a register that never had a value is none: its total is integrated power, and nothing is counted "
    "twice") {
  auto energy = series(360);
  double joules = 0;
  for (double t = 0; t <= 60; t += 1)
    joules += energy.add({us(t), absent, 1000, 1e-6}, energy_retention).joules;
  CHECK(joules == doctest::Approx(60'000));
  for (double t = 61; t <= 120; t += 1)
    joules += energy.add({us(t), 5e9 + 1000 * (t - 61), 1000, 1e-6}, energy_retention).joules;
  // From its first value on the register counts; the second before that is nobody's.
  CHECK(joules == doctest::Approx(119'000));
  const double before = joules;
  for (double t = 121; t <= 130; t += 1)
    joules += energy.add({us(t), absent, 1000, 1e-6}, energy_retention).joules;
  CHECK(joules == before);  // it catches up later
}

TEST_CASE("a gap longer than the source may be silent is not known, and totals catch up from the register") {
  auto energy = series(3600);
  double total = 0;
  for (int t = 0; t <= 100; ++t) {
    if (t > 40 && t < 60) continue;
    total += energy.add({us(t), 1e9 + 3600.0 * t, 3600, 1e-6}, energy_retention).joules;
  }
  CHECK(total == 360'000);
  TimeSpans gaps;
  energy.add_gaps(EnergyEstimate::integral, {us(0), us(100)}, gaps);
  CHECK(gaps == TimeSpans{{us(40), us(60)}});
  // The register knows what flowed meanwhile, as a whole.
  gaps.clear();
  energy.add_gaps(EnergyEstimate::counter, {us(0), us(100)}, gaps);
  CHECK(gaps.empty());
  energy.add_gaps(EnergyEstimate::counter, {us(50), us(100)}, gaps);
  CHECK(gaps == TimeSpans{{us(40), us(60)}});
  CHECK(energy.choose({us(0), us(100)}) == EnergyEstimate::counter);
  CHECK(part(energy, 0, 100).joules == 360'000);
}

TEST_CASE("a short gap is bridged") {
  auto energy = series(1);
  for (const double t : {0.0, 1.0, 2.0, 6.5, 7.0})
    energy.add({us(t), 1e9 + 3600.0 * t, 3600, 1e-6}, energy_retention);
  CHECK(part(energy, 0, 7).joules == doctest::Approx(7 * 3600));
}

TEST_CASE("while a value is in doubt the series has not reached it") {
  auto energy = series(1);
  for (int t = 0; t <= 10; ++t) energy.add({us(t), 1e9 + 1000.0 * t, 1000, 1e-6}, energy_retention);
  energy.add({us(11), 0, 1000, 1e-6}, energy_retention);
  CHECK(energy.reached_us() == us(10));
  energy.add({us(12), 1e9 + 12'000, 1000, 1e-6}, energy_retention);
  CHECK(energy.reached_us() == us(12));
}

TEST_CASE("each covered stretch has two ends with a step and a time stamp") {
  auto energy = series(100);
  read(energy, model::constant(10'000), 100, 0, 100);
  const TimeSpans one{{us(0), us(40)}};
  const TimeSpans two{{us(0), us(20)}, {us(50), us(70)}};
  const EnergyPart whole = energy.part(EnergyEstimate::counter, one);
  CHECK(whole.step_variance == doctest::Approx(2 * 100.0 * 100 / 12));
  CHECK(whole.time_variance == doctest::Approx(2 * 1e8 * 1e-6));
  const EnergyPart halves = energy.part(EnergyEstimate::counter, two);
  CHECK(halves.joules == whole.joules);
  CHECK(halves.step_variance == doctest::Approx(2 * whole.step_variance));
  CHECK(halves.time_variance == doctest::Approx(2 * whole.time_variance));
}

TEST_CASE("a coarse power register is a term of what is integrated from it") {
  EnergySeries energy;
  EnergyShape shape;
  shape.power = Resolution{Wire::u16, 100, 0};
  shape.longest_gap_us = 5'000'000;
  energy.set_shape(shape);
  for (int t = 0; t <= 60; ++t) energy.add({us(t), absent, 1000, 0}, energy_retention);
  CHECK(std::sqrt(part(energy, 0, 60).step_variance) == doctest::Approx(100 * 60 / std::sqrt(12)));
}

TEST_CASE("a register that goes is a new one when it comes back") {
  const auto load = model::constant(10'000);
  auto energy = series(3600);
  const EnergyShape with{Resolution{Wire::i64, 3600, 0}, Resolution{Wire::f32, 1, 0}, 5'000'000, 0.01};
  EnergyShape without = with;
  without.counter.reset();
  read(energy, load, 3600, 0, 100);
  CHECK(energy.last_counted());
  energy.set_shape(without);
  CHECK_FALSE(energy.last_counted());
  CHECK(energy.add({us(101), absent, 10'000, 1e-6}, energy_retention).joules == 10'000);
  energy.set_shape(with);
  CHECK(energy.add({us(102), 2e9, 10'000, 1e-6}, energy_retention).joules == 0);
  CHECK(energy.add({us(103), 2e9 + 10'000, 10'000, 1e-6}, energy_retention).joules == 10'000);
}
