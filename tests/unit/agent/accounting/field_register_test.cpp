// Energy registers as they are in the field: coarser than their type, refreshed late, frozen, fallen to 0 for
// seconds, in a wrong unit. Each case is one that users met.
#include <doctest/doctest.h>

#include "agent/accounting/energy.h"
#include "agent/accounting/register_step.h"
#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using model::us;

namespace {

constexpr double joules_per_kwh = 3.6e6;
const Retention kept{1800 * std::int64_t{1'000'000}, {}};

// A meter with power and a register, read each second at a phase that moves, as the agent does.
struct FieldMeter {
  EnergySeries energy;
  double total = 0;
  double now = 0;

  explicit FieldMeter(const Resolution& register_type) {
    EnergyShape shape;
    shape.counter = register_type;
    shape.power = Resolution{Wire::f32, 1, 0, 0};
    shape.longest_gap_us = 5'000'000;
    shape.accuracy = 0.01;
    energy.set_shape(shape);
  }

  // `register_j`: what the register shows at a time.
  void read(double until, const model::Load& load, const std::function<double(double)>& register_j) {
    for (; now < until; now += 1) {
      const double t = now + 0.6 * std::fmod(now * 0.618034, 1);
      total += energy.add({us(t), register_j(t), load.watts(t), 1e-6}, kept).joules;
    }
  }

  [[nodiscard]] EnergyPart window(double length) const {
    const TimeSpan span{us(now - 1 - length), us(now - 1)};
    return energy.part(energy.choose(span), std::vector{span});
  }
  [[nodiscard]] RegisterVerdict verdict() const { return energy.agreement().verdict(); }
};

// Whether the truth lies within two standard deviations and the shared gain of 1 %.
bool holds(const EnergyPart& part, double truth) {
  return std::abs(part.joules - truth) <= 2 * std::sqrt(part.variance()) + part.disagreement + 0.001 * truth;
}

std::function<double(double)> in_steps(const model::Load& load, double start_j, double step_j) {
  return [=](double t) { return std::floor((start_j + load.joules(t)) / step_j) * step_j; };
}

}  // namespace

TEST_CASE("a float register that counts in coarse steps loses nothing, and windows hold the truth") {
  for (const double step_kwh : {0.01, 0.1, 1.0}) {
    for (const double watts : {400.0, 5000.0, 20'000.0}) {
      CAPTURE(step_kwh);
      CAPTURE(watts);
      const double step = step_kwh * joules_per_kwh;
      FieldMeter meter({Wire::f32, joules_per_kwh, 0, 0});
      const auto load = model::constant(watts);
      const double start = 4485.6 * joules_per_kwh;
      meter.read(1800, load, [&](double t) {
        const double kwh = std::floor((start + load.joules(t)) / step) * step_kwh;
        return static_cast<double>(static_cast<float>(kwh)) * joules_per_kwh;
      });
      CHECK(std::abs(meter.total - watts * 1800) <= step + 0.001 * watts * 1800);
      CHECK(meter.verdict() != RegisterVerdict::contradicts);
      for (const double length : {20.0, 60.0, 900.0}) {
        CAPTURE(length);
        CHECK(holds(meter.window(length), watts * length));
        CHECK(std::sqrt(meter.window(length).variance()) < 0.03 * watts * length);
      }
    }
  }
}

TEST_CASE("a register that the meter refreshes late is not frozen, and its windows hold the truth") {
  for (const double refresh : {10.0, 60.0, 150.0}) {
    CAPTURE(refresh);
    FieldMeter meter({Wire::u32, 3600, 0, 0});
    const auto load = model::steps(2000, 10'000, 41.5, 0.5);
    const auto shown = in_steps(load, 1e9, 3600);
    double worst = 0;
    for (int end = 600; end < 1800; end += 7) {
      meter.read(end, load, [&](double t) { return shown(std::floor(t / refresh) * refresh); });
      CHECK(meter.verdict() == RegisterVerdict::agrees);
      const double truth = load.between(end - 61, end - 1);
      worst = std::max(worst, std::abs(meter.window(60).joules - truth) /
                                  (2 * std::sqrt(meter.window(60).variance()) + 0.001 * truth));
    }
    CHECK(worst < 1.5);
    CHECK(std::abs(meter.total - load.joules(1800)) <= 10'000 * refresh + 3600);
  }
}

TEST_CASE("a register that stands still under power: power gives windows and total") {
  FieldMeter meter({Wire::u32, 3600, 0, 0});
  const auto load = model::constant(5000);
  const auto shown = in_steps(load, 1e9, 3600);
  meter.read(300, load, shown);
  CHECK(meter.verdict() == RegisterVerdict::agrees);
  meter.read(425, load, [&](double) { return shown(300); });
  CHECK(meter.verdict() == RegisterVerdict::stands_still);  // two minutes after its last move
  meter.read(900, load, [&](double) { return shown(300); });
  CHECK(holds(meter.window(60), 300'000));
  CHECK(meter.window(60).joules > 290'000);
  CHECK(meter.total == doctest::Approx(900 * 5000).epsilon(0.01));

  SUBCASE("it had counted: nothing is counted twice") {
    meter.read(1200, load, shown);
    CHECK(meter.verdict() == RegisterVerdict::agrees);
    CHECK(meter.total == doctest::Approx(1200 * 5000).epsilon(0.01));
  }
  SUBCASE("it had not: what flowed meanwhile stays counted") {
    const double lost = 600 * 5000;
    meter.read(1200, load, [&](double t) { return std::max(shown(300), shown(t) - lost); });
    CHECK(meter.total == doctest::Approx(1200 * 5000).epsilon(0.01));
  }
}

TEST_CASE("a unit that is wrong by a factor of 1000 is a contradiction within two minutes") {
  const auto load = model::constant(5000);
  for (const double factor : {1000.0, 0.001}) {
    CAPTURE(factor);
    FieldMeter meter({Wire::u32, 3600 * factor, 0, 0});
    const auto shown = in_steps(load, 1e9, 3600);
    meter.read(122, load, [&](double t) { return shown(t) * factor; });
    CHECK(meter.verdict() == RegisterVerdict::contradicts);
    const auto ratio = meter.energy.agreement().ratio();
    REQUIRE(ratio);
    CHECK(*ratio == doctest::Approx(factor).epsilon(0.05));
  }
}

TEST_CASE("swapped words are a contradiction within two minutes") {
  for (const double watts : {500.0, 5000.0, 50'000.0}) {
    CAPTURE(watts);
    const auto load = model::constant(watts);
    SUBCASE("of an integer register") {
      FieldMeter meter({Wire::u32, 3600, 0, 0});
      meter.read(120, load, [&](double t) {
        const auto wh = static_cast<std::uint32_t>((1e9 + load.joules(t)) / 3600);
        return ((wh & 0xFFFFU) * 65536.0 + (wh >> 16)) * 3600;
      });
      CHECK(meter.verdict() == RegisterVerdict::contradicts);
      CHECK(meter.energy.agreement().compared().register_joules >
            10'000 * meter.energy.agreement().compared().power_joules);
      // It is mended while the agent runs.
      meter.read(1200, load, in_steps(load, 1e9, 3600));
      CHECK(meter.verdict() == RegisterVerdict::agrees);
    }
    SUBCASE("of power: next to nothing") {
      FieldMeter meter({Wire::u32, 3600, 0, 0});
      const auto shown = in_steps(load, 1e9, 3600);
      meter.read(120, model::constant(-6.5e-22), shown);
      CHECK(meter.verdict() == RegisterVerdict::contradicts);
      CHECK(meter.energy.agreement().compared().register_joules > 0.5 * load.joules(60));
    }
  }
}

TEST_CASE("what moves an energy register oddly, but rightly, is no leap") {
  const auto load = model::constant(5000);
  FieldMeter meter({Wire::u32, 3600, 0, 0});
  const auto shown = in_steps(load, 1e9, 3600);
  SUBCASE("0 for some seconds, again and again") {
    meter.read(600, load, [&](double t) { return std::fmod(t, 60) < 4.2 ? 0 : shown(t); });
  }
  SUBCASE("steps of 1 kWh, from a register that says 1 Wh") {
    meter.read(3000, load, in_steps(load, 1e9, joules_per_kwh));
  }
  SUBCASE("a meter that is replaced twice") {
    meter.read(900, load, [&](double t) { return shown(t) + 1e9 * std::floor(t / 300); });
  }
  CHECK(meter.verdict() == RegisterVerdict::agrees);
}

TEST_CASE(
    "a meter that refreshes its values in step with its load shows the same moment of it, and says so") {
  FieldMeter meter({Wire::u32, 3600, 0, 0});
  const auto load = model::constant(1300);
  const auto shown = in_steps(load, 1e9, 3600);
  meter.read(300, model::constant(550), [&](double t) { return shown(std::floor(t / 10) * 10); });
  CHECK(meter.verdict() == RegisterVerdict::contradicts);
}

TEST_CASE("a counter that is 43 % low says so: the uncertainty covers what power tells") {
  FieldMeter meter({Wire::u64, 0.001, 0, 0});
  const auto load = model::steps(300, 700, 13, 0.5);
  meter.read(300, load, [&](double t) { return 0.573 * load.joules(t); });
  CHECK(meter.verdict() == RegisterVerdict::differs);
  const EnergyPart minute = meter.window(60);
  CHECK(minute.joules + minute.disagreement >= 0.97 * load.between(239, 299));
}

TEST_CASE("a counter that tells 0 for seconds and returns has lost nothing") {
  FieldMeter meter({Wire::u64, 0.001, 0, 0});
  const auto load = model::constant(500);
  meter.read(200, load, [&](double t) { return t > 100 && t < 104.2 ? 0 : 1.4e10 + load.joules(t); });
  CHECK(meter.total == doctest::Approx(500 * 199).epsilon(0.005));
  CHECK(holds(meter.window(150), 500 * 150));
}

TEST_CASE("a burst of one poll out of deep idle counts whole") {
  FieldMeter meter({Wire::u32, 3600, 0, 0});
  const auto load = model::steps(90, 8000, 600, 0.9 / 600, 300.55);
  meter.read(3000, load, in_steps(load, 1e9, 3600));
  CHECK(std::abs(meter.total - load.between(0, 3000)) <= 2 * 3600);
}

TEST_CASE("bursts out of deep idle, each seen by one reading at the most, are no contradiction") {
  FieldMeter meter({Wire::u32, 3600, 0, 0});
  const auto load = model::steps(90, 8000, 11.7, 0.4 / 11.7);
  const auto shown = in_steps(load, 1e9, 3600);
  for (int end = 60; end <= 3600; end += 60) {
    meter.read(end, load, shown);
    CHECK(meter.verdict() == RegisterVerdict::agrees);
  }
  CHECK(holds(meter.window(900), load.between(3600 - 901, 3599)));
}

TEST_CASE("absurd power in a row is absent, and limits recover within minutes") {
  FieldMeter meter({Wire::u32, 3600, 0, 0});
  const auto load = model::constant(430);
  const auto shown = in_steps(load, 1e9, 3600);
  for (double t = 0; t < 3; ++t) meter.energy.add({us(t), shown(t), 3.4e38, 1e-6}, kept);
  meter.now = 3;
  meter.read(600, load, shown);
  CHECK(meter.energy.likely_peak_watts() == doctest::Approx(430).epsilon(0.01));
  // One wild reading later goes nowhere.
  const double before = meter.total;
  meter.energy.add({us(601), 1e14, 1e8, 1e-6}, kept);
  meter.now = 602;
  meter.read(700, load, shown);
  CHECK(meter.total - before == doctest::Approx(430 * 100).epsilon(0.1));
}

TEST_CASE("the step of a register is the common measure of its growth") {
  const auto learned = [](std::initializer_list<double> growth, double noise) {
    RegisterStep step;
    for (const double one : growth) step.observe(one, noise);
    return step.learned();
  };
  CHECK(learned({1000, 0, 1000, 2000}, 0) == 1000);
  CHECK(learned({3000, 2000, 2000, 3000, 5000}, 1e-6) == doctest::Approx(1000));
  CHECK(learned({1000, 1000, 1000}, 0) == 0);                    // always the same: nothing is known
  CHECK(learned({1000.4, 0, 999.7, 2000.2}, 1) == 1000.4);       // a float's rounding is no finer step
  CHECK(learned({1000, 0, 2000, 1437, 2000, 3000}, 1) == 1000);  // one torn reading
  CHECK(learned({500, 501.3, 498.9, 502.2, 500.7, 499.1, 503.4}, 0.001) < 10);
}
