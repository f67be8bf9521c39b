// Figures against analytic truth: loads whose energy and work are known exactly, polled once a second at
// different phases and with jitter.
#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/rack.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;

namespace {

Rack rack_under(const Load& load, const MeterShape& shape = {}) {
  Rack rack;
  rack.load = load;
  rack.meters = {meter("pdu-a", shape), meter("pdu-b", shape)};
  rack.gpus = {gpu("nvidia0"), gpu("nvidia1", "GPU-2")};
  rack.meter_phase = 0.340;
  rack.jitter = 0.03;
  return rack;
}

// Checks a window against the truth of the same stretch; true where J/FLOP lies
// within the stated uncertainty.
bool is_within(const Rack& rack, const WindowFigures& window) {
  const ReadingSet& set = window.figures;
  const double length = static_cast<double>(set.source->interval.count()) * 1e-6;
  const double end = second_of(set);
  const double truth = rack.energy(end - length, end) / rack.work(end - length, end);
  REQUIRE(value(set, Q::coverage) == 1);
  REQUIRE(is_known(value(set, Q::joules_per_flop)));
  CHECK(value(set, Q::energy) == doctest::Approx(rack.energy(end - length, end)).epsilon(0.05));
  CHECK(value(set, Q::power) == doctest::Approx(value(set, Q::energy) / length));
  CHECK(value(set, Q::joules_per_flop_low) == doctest::Approx(value(set, Q::joules_per_flop) / 2));
  CHECK(value(set, Q::joules_per_flop_high) == doctest::Approx(value(set, Q::joules_per_flop) * 2));
  CHECK(value(set, Q::flop_per_second_per_watt) * value(set, Q::joules_per_flop) == doctest::Approx(1));
  return std::abs(value(set, Q::joules_per_flop) / truth - 1) <= value(set, Q::uncertainty);
}

}  // namespace

TEST_CASE("a constant load is exact to the register's step") {
  Rack constant_rack = rack_under(constant(8000));
  Accounting accounting(
      settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("1m", 60), window("5m", 300)}), {},
      at(0));
  constant_rack.run(accounting, 0, 400);
  const auto figures = accounting.figures(at(399.99));
  REQUIRE(figures.size() == 1);
  CHECK(figures[0].from_meters);
  CHECK(best_method(figures[0]) == Method::pipe);
  for (const char* name : {"r/1m", "r/5m"}) {
    const WindowFigures* found = find_window(figures[0], name);
    REQUIRE(found != nullptr);
    CHECK(is_within(constant_rack, *found));
    CHECK(value(found->figures, Q::joules_per_flop) == doctest::Approx(1 / (0.6 * 2e11)).epsilon(1e-6));
    CHECK(value(found->figures, Q::power) == doctest::Approx(8000).epsilon(1e-3));
    CHECK(found->method == Method::pipe);
    // Two meters of one class err alike.
    CHECK(term(*found, "meter class") == doctest::Approx(0.005 / std::sqrt(3)).epsilon(1e-6));
    CHECK(value(found->figures, Q::uncertainty) == doctest::Approx(0.0082).epsilon(0.05));
  }
}

TEST_CASE("a sinusoidal load, windows of many lengths, is within what is stated and tight") {
  for (const double period : {7.3, 41.0, 600.0}) {
    CAPTURE(period);
    Rack moving = rack_under(sinusoid(8000, 4000, period));
    Accounting accounting(settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)},
                                   {window("10s", 10), window("1m", 60), window("15m", 900)}),
                          {}, at(0));
    moving.run(accounting, 0, 950);
    for (int s = 950; s < 1000; ++s) {
      moving.second(accounting, s);
      const auto figures = accounting.figures(at(s + 0.99));
      for (const WindowFigures& one : figures[0].windows) {
        CHECK(is_within(moving, one));
        if (one.figures.source->name == "r/15m") {
          const double end = second_of(one.figures);
          CHECK(value(one.figures, Q::energy) ==
                doctest::Approx(moving.energy(end - 900, end)).epsilon(0.002));
          CHECK(value(one.figures, Q::work) == doctest::Approx(moving.work(end - 900, end)).epsilon(0.002));
        }
      }
    }
  }
}

TEST_CASE("steps of the load with perfect meters: 95 % of windows are within what is stated") {
  // Without class errors only the terms for steps, time stamps and sampling are left.
  MeterShape perfect;
  perfect.accuracy = perfect.ct_accuracy = 0;
  int within = 0;
  int all = 0;
  for (const double period : {13.7, 31.3, 97.1}) {
    for (const bool has_register : {true, false}) {
      perfect.has_register = has_register;
      Rack stepping = rack_under(steps(2000, 12'000, period, 0.37, 5.123), perfect);
      Accounting accounting(
          settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("10s", 10), window("1m", 60)}), {},
          at(0));
      stepping.run(accounting, 0, 70);
      for (int s = 70; s < 370; ++s) {
        stepping.second(accounting, s);
        const auto figures = accounting.figures(at(s + 0.99));
        for (const WindowFigures& one : figures[0].windows) {
          const double end = second_of(one.figures);
          const double length = static_cast<double>(one.figures.source->interval.count()) * 1e-6;
          const double truth = stepping.energy(end - length, end) / stepping.work(end - length, end);
          ++all;
          within += std::abs(value(one.figures, Q::joules_per_flop) / truth - 1) <=
                    value(one.figures, Q::uncertainty);
          CHECK(value(one.figures, Q::uncertainty) < (length > 30 ? 0.12 : 0.5));
        }
      }
    }
  }
  CHECK(all == 3600);
  CHECK(within >= 0.95 * all);
}

TEST_CASE("a coarse register (0.1 kWh) does not show its steps in a minute") {
  MeterShape coarse;
  coarse.energy = {{Q::energy_import}, Wire::i32, 100, 0};
  Rack stepping = rack_under(steps(4000, 9000, 31.3, 0.5), coarse);
  Accounting accounting(settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("1m", 60)}), {}, at(0));
  stepping.run(accounting, 0, 70);
  for (int s = 70; s < 400; ++s) {
    stepping.second(accounting, s);
    CHECK(is_within(stepping, accounting.figures(at(s + 0.99))[0].windows[0]));
  }
}

TEST_CASE("an old float register and no power: what it cannot resolve is not published") {
  MeterShape coarse;
  coarse.has_power = false;
  coarse.energy = {{Q::energy_import}, Wire::f32, 1000, 0};
  Rack old = rack_under(constant(1000), coarse);
  old.register_start = 3.6e6 * 1.2e6;  // 1.2 GWh: steps of 125 Wh, 15 minutes of 500 W
  old.register_apart = 150'000;
  Accounting accounting(
      settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("1m", 60), window("2h", 7200)}), {},
      at(0));
  old.run(accounting, 0, 7300);
  double told = 0;
  for (int s = 7300; s < 8300; ++s) {
    old.second(accounting, s);
    const auto figures = accounting.figures(at(s + 0.99));
    const ReadingSet& minute = figures[0].windows[0].figures;
    CHECK(value(minute, Q::coverage) == 1);
    CHECK_FALSE(is_known(value(minute, Q::joules_per_flop)));
    told = std::max(told, value(minute, Q::energy));
    const ReadingSet& hours = figures[0].windows[1].figures;
    const double truth = 1 / (0.6 * 2e11);
    REQUIRE(is_known(value(hours, Q::joules_per_flop)));
    CHECK(std::abs(value(hours, Q::joules_per_flop) / truth - 1) <= value(hours, Q::uncertainty));
  }
  CHECK(told > 400'000);  // the one step that says nothing of its minute
}

TEST_CASE("without meters the devices' own energy counts, with their gain") {
  Rack devices = rack_under(sinusoid(8000, 2000, 41));
  devices.meters.clear();
  Accounting accounting(settings({scope("r", {}, Work::all)}, {window("1m", 60)}), {}, at(0));
  devices.run(accounting, 0, 100);
  const auto figures = accounting.figures(at(99.99));
  CHECK_FALSE(figures[0].from_meters);
  const WindowFigures& minute = figures[0].windows[0];
  CHECK(value(minute.figures, Q::joules_per_flop) == doctest::Approx(1 / 2e11).epsilon(0.005));
  CHECK(value(minute.figures, Q::uncertainty) == doctest::Approx(0.058).epsilon(0.02));
  CHECK(term(minute, "device gain") == doctest::Approx(0.0289).epsilon(0.01));
}
