// Windows whose energy comes from power: does the stated uncertainty hold the truth?
#include <doctest/doctest.h>

#include <cmath>

#include "agent/accounting/energy.h"
#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using model::us;

namespace {

struct PowerMeter {
  EnergyShape shape;
  double interval = 1;
  double refresh = 0;  // of all values; 0: live
  std::function<double(double)> register_j;

  PowerMeter() {
    shape.power = Resolution{Wire::f32, 1, 0, 0};
    shape.longest_gap_us = 15'000'000;
    shape.accuracy = 0.01;
  }
};

// How the windows came out, one each 7 s.
struct Judged {
  int inside = 0, figures = 0, windows = 0;
  double half_width = 0;  // relative, in the mean
};

// A window has a figure where its uncertainty is less than its value.
Judged judge(const PowerMeter& meter, const model::Load& load, double length, double until) {
  EnergySeries energy;
  energy.set_shape(meter.shape);
  Judged judged;
  double next = 600;
  for (int i = 0; i * meter.interval < until; ++i) {
    const double t = meter.interval * (i + 0.6 * std::fmod(i * 0.618034, 1));
    const double shown = meter.refresh > 0 ? std::floor(t / meter.refresh) * meter.refresh : t;
    energy.add({us(t), meter.register_j ? meter.register_j(shown) : absent, load.watts(shown), 1e-6},
               Retention{1800 * std::int64_t{1'000'000}, {}});
    if (t < next + 1) continue;
    const TimeSpan span{us(next - length), us(next)};
    const EnergyPart part = energy.part(energy.choose(span), std::vector{span});
    const double half_width = 2 * std::sqrt(part.variance());
    const double truth = load.between(next - length, next);
    ++judged.windows;
    if (half_width < part.joules) {
      ++judged.figures;
      judged.half_width += half_width / part.joules;
      if (std::abs(part.joules - truth) <= half_width + 0.001 * truth) ++judged.inside;
    }
    next += 7;
  }
  judged.half_width /= std::max(1, judged.figures);
  return judged;
}

// Steps of lengths that a generator of its own draws, between two levels that vary a little.
model::Load random_steps(double low, double high, double mean_low, double mean_high) {
  struct Segment {
    double end, watts, joules;
  };
  std::vector<Segment> segments;
  double t = 0, joules = 0, draw = 0.5;
  for (int i = 0; t < 4000; ++i) {
    draw = std::fmod(draw * 16807 + 0.1234567, 1);
    const bool is_high = i % 2 == 1;
    const double length = (is_high ? mean_high : mean_low) * (0.2 + 1.6 * draw);
    const double watts = (is_high ? high : low) * (1 + 0.03 * draw);
    t += length;
    joules += length * watts;
    segments.push_back({t, watts, joules});
  }
  const auto at = [segments](double moment) {
    return *std::ranges::upper_bound(segments, moment, {}, &Segment::end);
  };
  return {[=](double moment) { return moment < 0 ? low : at(moment).watts; },
          [=](double moment) { return at(moment).joules - (at(moment).end - moment) * at(moment).watts; }};
}

std::function<double(double)> counted_in(double step_j, const model::Load& load) {
  return [=](double t) { return std::floor((1e9 + load.joules(t)) / step_j) * step_j; };
}

}  // namespace

TEST_CASE("power and register that are both refreshed each some seconds: what repeats is no new reading") {
  const auto load = random_steps(3000, 12'000, 2, 1.5);
  for (const double refresh : {3.0, 5.0, 10.0}) {
    CAPTURE(refresh);
    PowerMeter meter;
    meter.refresh = refresh;
    SUBCASE("with a register") {
      meter.shape.counter = Resolution{Wire::u32, 3600, 0, 0};
      meter.register_j = counted_in(3600, load);
    }
    SUBCASE("power alone") {}
    for (const double length : {20.0, 60.0}) {
      CAPTURE(length);
      const Judged judged = judge(meter, load, length, 3000);
      CHECK(judged.inside >= 0.88 * judged.figures);
      CHECK((!meter.register_j || length < 60 || judged.figures >= 0.95 * judged.windows));
    }
  }
}

TEST_CASE("bursts that few readings fall on: windows say so, or have no figure") {
  const auto load = random_steps(90, 8000, 12, 0.6);
  for (const double interval : {1.0, 5.0}) {
    CAPTURE(interval);
    PowerMeter meter;
    meter.interval = interval;
    for (const double length : {20.0, 60.0}) {
      CAPTURE(length);
      const Judged judged = judge(meter, load, length, 3000);
      CHECK(judged.figures - judged.inside <= 0.05 * judged.windows);
    }
    // A fine register resolves them.
    meter.shape.counter = Resolution{Wire::u32, 3600, 0, 0};
    meter.register_j = counted_in(3600, load);
    const Judged judged = judge(meter, load, 60, 3000);
    CHECK(judged.inside >= 0.9 * judged.figures);
    CHECK(judged.figures >= 0.95 * judged.windows);
  }
}

TEST_CASE("a refresh that is told says nothing against live power") {
  PowerMeter meter;
  meter.shape.refresh_s = 30;
  const auto load = random_steps(4000, 5000, 100, 100);
  meter.shape.counter = Resolution{Wire::u32, 3600, 0, 0};
  const auto fine = counted_in(3600, load);
  meter.register_j = [=](double t) { return fine(std::floor(t / 30) * 30); };
  const Judged judged = judge(meter, load, 20, 3000);
  CHECK(judged.inside >= 0.95 * judged.figures);
  CHECK(judged.figures == judged.windows);
  CHECK(judged.half_width < 0.02);
}

TEST_CASE("the register tells by how much its integral is wrong") {
  // Each reading of power is one of 5,000 W, although each tenth second has 20,000 W.
  PowerMeter meter;
  meter.shape.counter = Resolution{Wire::u32, 36'000, 0, 0};
  const auto load = model::steps(5000, 20'000, 10, 0.1, 0.7);
  meter.register_j = counted_in(36'000, load);
  auto seen = load;
  seen.watts = [](double) { return 5000.0; };
  const Judged judged = judge(meter, seen, 20, 1500);
  CHECK(judged.inside >= 0.88 * judged.figures);
}
