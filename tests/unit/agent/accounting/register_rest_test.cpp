// Registers that stand still for a while and then tell all at once, tell it never, or dip: windows that begin
// or end inside such a rest.
#include <doctest/doctest.h>

#include <cmath>

#include "agent/accounting/energy.h"
#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using model::us;

namespace {

const Retention kept{1800 * std::int64_t{1'000'000}, {}};

// A device read each second at a phase that moves, as the agent does.
struct RestingDevice {
  EnergyShape shape;
  EnergySeries energy;
  double total = 0;
  double down_from = 1e9, down_until = 1e9;  // the agent; what it had read is replayed
  std::vector<EnergyReading> stored;

  RestingDevice(const Resolution& register_type, double refresh_s) {
    shape.counter = register_type;
    shape.power = Resolution{Wire::u32, 0.001, 0, 0};
    shape.longest_gap_us = 5'000'000;
    shape.accuracy = 0.01;
    shape.interval_s = 1;
    shape.refresh_s = refresh_s;
    energy.set_shape(shape);
  }

  void add(const EnergyReading& reading) {
    if (reading.time_us > us(down_from) && reading.time_us < us(down_until)) return;
    if (!stored.empty() && stored.back().time_us < us(down_from) && reading.time_us > us(down_from)) {
      const EnergyMemory memory{*energy.last_counted(), energy.likely_peak_watts(), energy.learned_step(),
                                energy.ahead()};
      energy = {};
      energy.set_shape(shape);
      for (const EnergyReading& one : stored) energy.add(one, kept);
      energy.restore(memory);
    }
    stored.push_back(reading);
    total += energy.add(reading, kept).joules;
  }
};

struct Shown {
  std::function<double(double)> joules, watts;
};

// The worst deviation of a window, in its stated half-widths, as seen soon after its end and later.
double worst(RestingDevice& device, const model::Load& load, const Shown& shown, double length,
             double until) {
  double worst = 0;
  for (double i = 0; i < until; ++i) {
    const double t = i + 0.6 * std::fmod(i * 0.618034, 1);
    device.add({us(t), shown.joules(t), shown.watts(t), 1e-6});
    if (i < length + 60) continue;
    for (const double back : {1.0, 5.5, 30.2}) {
      const TimeSpan window{us(i - back - length), us(i - back)};
      const EnergyEstimate estimate = device.energy.choose(window);
      TimeSpans gaps;
      device.energy.add_gaps(estimate, window, gaps);
      const auto covered = without_gaps(window, gaps);
      if (10 * total_us(covered) < 9 * window.length_us()) continue;  // there is no figure
      const EnergyPart part = device.energy.part(estimate, covered);
      double truth = 0;
      for (const TimeSpan& span : covered)
        truth += load.between(seconds(span.begin_us - us(0)), seconds(span.end_us - us(0)));
      const double allowed = 2 * std::sqrt(part.variance()) + part.disagreement + 0.002 * truth;
      const double deviation = std::abs(part.joules - truth) / allowed;
      if (deviation > std::max(1.5, worst))
        MESSAGE("at " << i << " s, a window that ended " << back << " s ago: " << part.joules << " of "
                      << truth << " +- " << allowed);
      worst = std::max(worst, deviation);
    }
  }
  return worst;
}

// The clock that a register goes by which stands still between two moments.
double rested(double t, double from, double until) { return t > from && t < until ? from : t; }

const Resolution gpu_type{Wire::u64, 0.001, 0, 0};
const Resolution meter_type{Wire::u32, 3600, 0, 0};

}  // namespace

TEST_CASE("an energy counter that stands still and catches up: no window is told its jump") {
  for (const double rest : {10.0, 40.0, 110.0, 180.0}) {
    for (const double length : {20.0, 60.0, 300.0}) {
      CAPTURE(rest);
      CAPTURE(length);
      const auto load = model::steps(300, 700, 31, 0.5);
      const double until = 420 + rest;
      RestingDevice gpu(gpu_type, 0.1);
      const auto joules = [&](double t) { return load.joules(rested(t, 350, until)); };
      CHECK(worst(gpu, load, {joules, load.watts}, length, 900) < 1.5);
      CHECK(gpu.total == doctest::Approx(load.joules(899)).epsilon(0.003));
      RestingDevice meter(meter_type, 0);
      const auto counted = [&](double t) { return std::floor((1e9 + 10 * joules(t)) / 3600) * 3600; };
      const model::Load rack{[&](double t) { return 10 * load.watts(t); },
                             [&](double t) { return 10 * load.joules(t); }};
      CHECK(worst(meter, rack, {counted, rack.watts}, length, 900) < 1.5);
      CHECK(meter.total == doctest::Approx(rack.joules(899)).epsilon(0.003));
    }
  }
}

TEST_CASE("a register that stands still and forgets what flowed") {
  for (const double rest : {30.0, 110.0, 180.0}) {
    CAPTURE(rest);
    const auto load = model::steps(3000, 7000, 31, 0.5);
    RestingDevice meter(meter_type, 0);
    const auto counted = [&](double t) {
      const double lost = t < 350 ? 0 : load.between(350, std::min(t, 350 + rest));
      return std::floor((1e9 + load.joules(t) - lost) / 3600) * 3600;
    };
    for (const double length : {20.0, 60.0, 300.0}) {
      CAPTURE(length);
      RestingDevice one(meter_type, 0);
      CHECK(worst(one, load, {counted, load.watts}, length, 900) < 1.5);
    }
  }
}

TEST_CASE("a meter that repeats all its values for a while and goes on") {
  for (const double rest : {10.0, 40.0, 110.0}) {
    for (const double length : {20.0, 60.0, 300.0}) {
      CAPTURE(rest);
      CAPTURE(length);
      const auto load = model::steps(3000, 7000, 131, 0.5);
      const auto watts = [&](double t) {
        const double at = rested(t, 350, 350 + rest);
        return load.watts(at) + 3 * std::sin(1000 * at);
      };
      RestingDevice meter(meter_type, 0);
      const auto counted = [&](double t) {
        return std::floor((1e9 + load.joules(rested(t, 350, 350 + rest))) / 3600) * 3600;
      };
      CHECK(worst(meter, load, {counted, watts}, length, 900) < 1.5);
      const auto ratio = meter.energy.agreement().correction();
      CHECK(std::abs(ratio.value - 1) <= 2 * std::sqrt(ratio.variance) + 0.002);
    }
  }
}

TEST_CASE("a register that dips by some of its steps for seconds, or for good") {
  const auto load = model::steps(3000, 7000, 31, 0.5);
  for (const double dip : {2.2, 6.2, 1e9}) {
    for (const double length : {20.0, 60.0, 300.0}) {
      CAPTURE(dip);
      CAPTURE(length);
      RestingDevice meter(meter_type, 0);
      const auto counted = [&](double t) {
        const double less = t > 350 && t < 350 + dip ? 5 * 3600 : 0;
        return std::floor((1e9 + load.joules(t)) / 3600) * 3600 - less;
      };
      CHECK(worst(meter, load, {counted, load.watts}, length, 900) < 1.5);
      CHECK(std::abs(meter.total - load.joules(899)) <= 3600 + 0.001 * load.joules(899));
    }
  }
}

TEST_CASE("a counter that stands still from before the first reading, or over a restart") {
  const auto load = model::steps(300, 700, 31, 0.5);
  for (const double length : {20.0, 60.0, 300.0}) {
    CAPTURE(length);
    RestingDevice gpu(gpu_type, 0.1);
    double from = 120, until = 300;
    SUBCASE("from before the first reading") {
      from = -100;
      until = 150;
    }
    SUBCASE("over a restart") {
      gpu.down_from = 180;
      gpu.down_until = 185;
    }
    SUBCASE("that ends in a restart") {
      gpu.down_from = 297;
      gpu.down_until = 303;
    }
    const auto joules = [&](double t) { return 1e6 + load.joules(rested(t, from, until)); };
    CHECK(worst(gpu, load, {joules, load.watts}, length, 900) < 1.5);
  }
}

TEST_CASE("a register that dips before a restart and returns after it") {
  const auto load = model::steps(3000, 7000, 31, 0.5);
  for (const double length : {20.0, 60.0, 300.0}) {
    CAPTURE(length);
    RestingDevice meter(meter_type, 0);
    meter.down_from = 380;
    meter.down_until = 385;
    const auto counted = [&](double t) {
      const double less = t > 360 && t < 400 ? 20 * 3600 : 0;
      return std::floor((1e9 + load.joules(t)) / 3600) * 3600 - less;
    };
    CHECK(worst(meter, load, {counted, load.watts}, length, 900) < 1.5);
    CHECK(std::abs(meter.total - load.joules(899)) <= 2 * 3600 + 0.002 * load.joules(899));
  }
}
