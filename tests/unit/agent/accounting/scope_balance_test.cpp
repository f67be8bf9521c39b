// A scope whose meters read less than the devices behind them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "readings/contradictions.h"
#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using model::at;
using model::Q;
using Work = ScopeConfig::Work;

namespace {

struct BalancedRack {
  Accounting accounting{
      {{model::scope("rack", {"pdu"}, Work::all)}, {model::window("1m", 60)}, 0.9}, {}, at(0)};
  model::MeterShape shape{};
  SourcePtr meter = model::meter("pdu", shape);
  SourcePtr one = model::gpu("nvidia0", "GPU-1"), two = model::gpu("nvidia1", "GPU-2");
  double now = 0, meter_joules = 1e9, gpu_joules = 1e6;

  // Two devices of `gpu_watts` each behind the meter.
  ScopeFigures run(double until, double meter_watts, double gpu_watts) {
    for (; now < until; now += 1) {
      meter_joules += meter_watts;
      gpu_joules += gpu_watts;
      const model::GpuValues values{.watts = gpu_watts, .joules = gpu_joules, .work = now * 1e14};
      const std::vector<ReadingSet> batch = {model::meter_set(meter, now, meter_watts, meter_joules),
                                             model::gpu_set(one, now + 0.1, values),
                                             model::gpu_set(two, now + 0.2, values)};
      (void)accounting.advance(batch, at(now + 0.5));
    }
    return accounting.figures(at(now - 0.4)).front();
  }
};

double per_flop(const ScopeFigures& figures) {
  const WindowFigures* window = model::find_window(figures, "rack/1m");
  return window == nullptr ? absent : model::value(window->figures, Quantity::joules_per_flop);
}

}  // namespace

TEST_CASE("meters that read less than their devices are told after minutes, and there is no figure") {
  BalancedRack rack;
  CHECK_FALSE(rack.run(70, 1000, 600).balance);  // not yet
  const ScopeFigures told = rack.run(180, 1000, 600);
  REQUIRE(told.balance);
  CHECK(told.balance->device_joules == doctest::Approx(1.2 * told.balance->meter_joules).epsilon(0.02));
  CHECK_FALSE(is_known(per_flop(told)));
  const auto contradictions = contradictions_of(told);
  REQUIRE(contradictions.size() == 1);
  CHECK(contradictions.front().source == "rack");
  CHECK(contradictions.front().why.find("`energy` name all feeds") != std::string::npos);

  const ScopeFigures mended = rack.run(600, 1400, 600);
  CHECK_FALSE(mended.balance);
  CHECK(is_known(per_flop(mended)));
}

TEST_CASE("what both uncertainties explain is no contradiction") {
  BalancedRack rack;
  // Devices are 5 % uncertain, the meter 1 %: 4 % less is nothing.
  const ScopeFigures figures = rack.run(400, 1200 * 0.96, 600);
  CHECK_FALSE(figures.balance);
  CHECK(is_known(per_flop(figures)));
  CHECK(rack.run(800, 1200 * 0.9, 600).balance);
}

TEST_CASE("a load that changes quickly is no contradiction: meter and devices see it at other moments") {
  BalancedRack rack;
  rack.meter = model::meter("pdu", {.energy = {{Q::energy_import}, Wire::i64, 100.0, 0.0}});  // 0.1 kWh
  for (int i = 0; i < 60; ++i) {
    const double watts = i % 2 == 0 ? 2000 : 200;
    CHECK_FALSE(rack.run(rack.now + 7, watts * 1.02, watts / 2).balance);
  }
}

TEST_CASE(
    "bursts that no power reading of the meter fell on, but that its devices tell of, leave no figure") {
  Accounting accounting{
      {{model::scope("rack", {"pdu"}, Work::all)}, {model::window("20s", 20)}, 0.9}, {}, at(0)};
  const SourcePtr meter = model::meter("pdu", {.has_register = false, .interval = 5});
  const SourcePtr gpu = model::gpu("nvidia0", "GPU-1");
  // Idle but for a burst of 2 s, amid two readings of the meter, from 61 s on.
  const auto gpu_joules = [](double t) { return 80 * t + 6000 * std::clamp(t - 61, 0.0, 2.0); };
  const auto figure_at = [&](double until, double& now) {
    for (; now < until; now += 1) {
      const double watts = now > 61 && now <= 63 ? 6080 : 80;
      std::vector<ReadingSet> batch;
      if (std::fmod(now, 5) == 0) batch.push_back(model::meter_set(meter, now, 100, absent));
      batch.push_back(model::gpu_set(
          gpu, now + 0.1,
          {.watts = watts, .joules = gpu_joules(now + 0.1), .work = 1e12 * gpu_joules(now + 0.1)}));
      (void)accounting.advance(batch, at(now + 0.5));
    }
    return model::find_window(accounting.figures(at(now - 0.4)).front(), "rack/20s")->figures;
  };
  double now = 0;
  CHECK(is_known(model::value(figure_at(58, now), Q::joules_per_flop)));
  const ReadingSet amid = figure_at(72, now);
  CHECK_FALSE(is_known(model::value(amid, Q::joules_per_flop)));
  CHECK(static_cast<MissingReason>(model::value(amid, Q::missing)) == MissingReason::contradiction);
  CHECK(is_known(model::value(figure_at(100, now), Q::joules_per_flop)));
}
