// Scopes: who belongs where, what coverage and absence follow from silent, late and faulty sources.
#include "agent/accounting/accounting.h"

#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/rack.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;

namespace {

Accounting account_one_scope(Work work = Work::all) {
  return Accounting(settings({scope("r", {"pdu-a", "pdu-b"}, work)}, {window("1m", 60)}), {}, at(0));
}

}  // namespace

TEST_CASE("a scope's running figures") {
  Rack r = rack_with(2, 2);
  Accounting accounting = account_one_scope();
  r.run(accounting, 0, 100);
  const ScopeFigures figures = accounting.figures(at(99.99))[0];
  CHECK(figures.name == "r");
  CHECK(figures.parent.empty());
  CHECK(figures.figures.source->kind == SourceKind::scope);
  CHECK(value(figures.figures, Q::power) == doctest::Approx(5000));
  CHECK(value(figures.figures, Q::unaccounted_power) == doctest::Approx(2000));
  CHECK(value(figures.figures, Q::energy) == doctest::Approx(99 * 5000).epsilon(0.02));
  CHECK(value(figures.figures, Q::device_energy) == doctest::Approx(99 * 3000));
  CHECK(work_total(figures) == doctest::Approx(99 * 3000 * 2e11));
  CHECK(minute(figures).source->kind == SourceKind::window);
  CHECK(minute(figures).source->name == "r/1m");
  // The trailing window ends where both the meters and the accelerators have been read.
  CHECK(second_of(minute(figures)) == doctest::Approx(99.0));
  CHECK(minute(figures).time.wall_us - at(99.0).wall_us == 0);
}

TEST_CASE("all, none, names and globs divide the accelerators") {
  Rack r = rack_with(2, 2);
  r.gpus.push_back(gpu("amd0", "AMD-1"));
  Accounting accounting(
      settings({scope("all", {"pdu-a"}, Work::all), scope("none", {"pdu-b"}, Work::none),
                scope("first", {}, Work::listed, {"nvidia0"}), scope("amds", {}, Work::listed, {"amd*"})},
               {window("1m", 60)}),
      {}, at(0));
  r.run(accounting, 0, 100);
  const auto figures = accounting.figures(at(99.99));
  REQUIRE(figures.size() == 4);
  for (const std::size_t i : {0U, 2U, 3U}) CHECK(work_total(figures[i]) == doctest::Approx(99 * 1000 * 2e11));
  CHECK_FALSE(is_known(work_total(figures[1])));
  CHECK(value(figures[1].figures, Q::device_energy) == 0);
  CHECK_FALSE(is_known(value(figures[1].figures, Q::unaccounted_power)));
  CHECK(value(minute(figures[1]), Q::power) == doctest::Approx(2500));
  CHECK_FALSE(is_known(value(minute(figures[1]), Q::work)));
  CHECK_FALSE(is_known(value(minute(figures[1]), Q::joules_per_flop)));
  CHECK(value(figures[2].figures, Q::power) == doctest::Approx(1000));
  CHECK_FALSE(is_known(value(figures[2].figures, Q::unaccounted_power)));
}

TEST_CASE("work: all without any accelerator has energy and no work") {
  Rack r = rack_with(2, 2);
  r.gpus.clear();
  Accounting accounting = account_one_scope();
  r.run(accounting, 0, 100);
  const ScopeFigures figures = accounting.figures(at(99.99))[0];
  CHECK(best_method(figures) == Method::none);
  CHECK_FALSE(is_known(work_total(figures)));
  CHECK(value(minute(figures), Q::coverage) == 1);
  CHECK(value(minute(figures), Q::power) == doctest::Approx(5000));
  CHECK_FALSE(is_known(value(minute(figures), Q::joules_per_flop)));
}

TEST_CASE("a scope whose devices have not appeared has totals, and says why it has no trailing windows") {
  Accounting accounting(settings({scope("d", {}, Work::all)}, {window("1s", 1)}), {}, at(0));
  CHECK(accounting.advance({}, at(0.5)).empty());
  CHECK(accounting.advance({}, at(10.5)).size() == 10);
  const ScopeFigures figures = accounting.figures(at(10.5))[0];
  CHECK(reason_for_all(figures) == MissingReason::accelerator_stale);
  CHECK(reason_for_all(accounting.figures(at(5))[0]) == MissingReason::starting);
  CHECK(value(figures.figures, Q::energy) == 0);
}

TEST_CASE("idle: no work, no joules per FLOP, but the energy is known") {
  Rack r = rack_with(2, 2);
  r.flop_per_joule = 0;
  Accounting accounting = account_one_scope();
  r.run(accounting, 0, 100);
  const auto figures = accounting.figures(at(99.99));
  CHECK(value(minute(figures[0]), Q::work) == 0);
  CHECK(value(minute(figures[0]), Q::coverage) == 1);
  CHECK(value(minute(figures[0]), Q::energy) == doctest::Approx(300'000));
  CHECK_FALSE(is_known(value(minute(figures[0]), Q::joules_per_flop)));
  CHECK_FALSE(is_known(value(minute(figures[0]), Q::uncertainty)));
  CHECK_FALSE(is_known(value(minute(figures[0]), Q::flop_per_second_per_watt)));
}

TEST_CASE("a silent meter takes power and windows away, its energy total stands still and catches up") {
  Rack r = rack_with(2, 2);
  Accounting accounting = account_one_scope();
  r.disturb = [](ReadingSet& set, double t) { return set.source->name != "pdu-b" || t < 50 || t > 80; };
  r.run(accounting, 0, 54);
  CHECK(accounting.figures(at(53.99))[0].windows.size() == 1);
  const double before = value(accounting.figures(at(54))[0].figures, Q::energy);
  r.run(accounting, 54, 80);
  const ScopeFigures silent = accounting.figures(at(79.99))[0];
  CHECK(reason_for_all(silent) == MissingReason::meter_stale);
  CHECK_FALSE(is_known(value(silent.figures, Q::power)));
  CHECK_FALSE(is_known(value(silent.figures, Q::unaccounted_power)));
  CHECK(value(silent.figures, Q::energy) == doctest::Approx(before + 26 * 2500).epsilon(0.03));
  r.run(accounting, 80, 100);
  const ScopeFigures back = accounting.figures(at(99.99))[0];
  CHECK(value(back.figures, Q::energy) == doctest::Approx(99 * 5000).epsilon(0.02));
  CHECK(value(back.figures, Q::power) == doctest::Approx(5000));
  // The register tells what flowed between the last and the next reading of pdu-b.
  CHECK(value(minute(back), Q::coverage) == 1);
  CHECK(value(minute(back), Q::energy) == doctest::Approx(60 * 5000).epsilon(0.01));
  CHECK(value(minute(back), Q::work) == doctest::Approx(60 * 3000 * 2e11).epsilon(0.001));
  CHECK(is_known(value(minute(back), Q::joules_per_flop)));
  // A window that begins in the gap knows nothing of it.
  r.run(accounting, 100, 130);
  const ScopeFigures cut = accounting.figures(at(129.99))[0];
  CHECK(value(minute(cut), Q::coverage) == doctest::Approx(1 - 12.0 / 60).epsilon(0.02));
  CHECK_FALSE(is_known(value(minute(cut), Q::joules_per_flop)));
  r.run(accounting, 130, 200);
  CHECK(is_known(value(minute(accounting.figures(at(199.99))[0]), Q::joules_per_flop)));
}

TEST_CASE("joules per FLOP is known down to the least coverage") {
  for (const bool is_enough : {true, false}) {
    Rack r = rack_with(2, 2);
    for (SourcePtr& one : r.meters) one = meter(one->name, {.has_register = false});
    Accounting accounting = account_one_scope();
    // Five readings kept back are a gap of 6 s, longer than a source may be silent: a tenth of the minute.
    const int length = is_enough ? 5 : 6;
    r.disturb = [&](ReadingSet& set, double t) {
      return set.source->name != "pdu-b" || t < 70 || t > 70 + length;
    };
    r.meter_phase = 0.5;
    r.run(accounting, 0, 100);
    const ScopeFigures figures = accounting.figures(at(99.99))[0];
    CHECK(value(minute(figures), Q::coverage) == doctest::Approx(1 - (length + 1) / 60.0).epsilon(0.001));
    CHECK(is_known(value(minute(figures), Q::joules_per_flop)) == is_enough);
  }
}

TEST_CASE("a silent accelerator leaves power, and coverage falls") {
  Rack r = rack_with(2, 2);
  Accounting accounting = account_one_scope();
  r.disturb = [](ReadingSet& set, double t) { return set.source->name != "nvidia1" || t < 80; };
  r.run(accounting, 0, 110);
  const ScopeFigures figures = accounting.figures(at(109.99))[0];
  CHECK(value(figures.figures, Q::power) == doctest::Approx(5000));
  CHECK_FALSE(is_known(value(figures.figures, Q::unaccounted_power)));
  REQUIRE(figures.windows.size() == 1);
  CHECK(value(minute(figures), Q::coverage) == doctest::Approx(0.5).epsilon(0.02));
  CHECK_FALSE(is_known(value(minute(figures), Q::joules_per_flop)));
}

TEST_CASE("an accelerator that appears late counts from then on") {
  Rack r = rack_with(2, 2);
  Accounting accounting = account_one_scope();
  r.disturb = [](ReadingSet& set, double t) { return set.source->name != "nvidia1" || t >= 85; };
  r.run(accounting, 0, 80);
  CHECK(value(minute(accounting.figures(at(79.99))[0]), Q::coverage) == 1);
  r.run(accounting, 80, 100);
  CHECK(value(minute(accounting.figures(at(99.99))[0]), Q::coverage) ==
        doctest::Approx(14.0 / 60).epsilon(0.01));
  r.run(accounting, 100, 150);
  CHECK(value(minute(accounting.figures(at(149.99))[0]), Q::coverage) == 1);
}

TEST_CASE("an accelerator without work keeps the scope's coverage at nothing") {
  Rack r = rack_with(2, 2);
  Accounting accounting = account_one_scope();
  r.disturb = [](ReadingSet& set, double) {
    if (set.source->name == "nvidia1") set.values[3] = absent;
    return true;
  };
  r.run(accounting, 0, 100);
  const ScopeFigures figures = accounting.figures(at(99.99))[0];
  CHECK(value(minute(figures), Q::coverage) == 0);
  CHECK_FALSE(is_known(value(minute(figures), Q::energy)));
  CHECK(value(figures.figures, Q::power) == doctest::Approx(5000));
}

TEST_CASE("glitches and resets never give a negative or wild figure") {
  Rack r = rack_with(2, 2);
  Accounting accounting = account_one_scope();
  r.disturb = [](ReadingSet& set, double t) {
    const auto second = static_cast<int>(t);
    if (set.source->name == "pdu-a") {
      if (second == 70) set.values[2] = 0;
      if (second == 75) set.values[2] = 4294967295.0;
      if (second == 80) set.values[1] = 6.5e7;
      if (second == 83) set.values[1] = set.values[2] = absent;
      if (second >= 90) set.values[2] -= 999'990;  // the register was reset
    }
    if (set.source->name == "nvidia0" && second >= 95) {  // the driver was reloaded
      set.values[2] -= 1e6 + 95 * 1500;
      set.values[3] -= 95 * 1500 * 2e11;
      set.values[4] -= 95 * 750 * 2e11;
      set.values[5] -= 95 * 3000 * 2e11;
    }
    return true;
  };
  double last_energy = 0;
  double last_work = 0;
  for (int s = 0; s < 200; ++s) {
    r.second(accounting, s);
    const ScopeFigures figures = accounting.figures(at(s + 0.99))[0];
    const double energy = value(figures.figures, Q::energy);
    CHECK(energy >= last_energy);
    CHECK(energy <= last_energy + 4 * 5000);
    last_energy = energy;
    if (const double work = work_total(figures); is_known(work)) {
      CHECK(work >= last_work);
      last_work = work;
    }
    const double power = value(figures.figures, Q::power);
    if (is_known(power)) CHECK(power == doctest::Approx(5000).epsilon(0.001));
    if (s < 65) continue;
    CHECK(value(minute(figures), Q::power) == doctest::Approx(5000).epsilon(0.02));
    CHECK(value(minute(figures), Q::joules_per_flop) == doctest::Approx(1 / (0.6 * 2e11)).epsilon(0.02));
  }
  CHECK(last_energy == doctest::Approx(199 * 5000).epsilon(0.01));
}

TEST_CASE("a replaced card keeps the name and begins new counters") {
  Rack r = rack_with(2, 2);
  Accounting accounting = account_one_scope();
  r.run(accounting, 0, 100);
  const double before = value(accounting.figures(at(99.99))[0].figures, Q::device_energy);
  r.gpus[0] = gpu("nvidia0", "GPU-9");
  r.disturb = [](ReadingSet& set, double) {
    if (set.source->name == "nvidia0") set.values[2] += 5000;  // believable, and still not this card's energy
    return true;
  };
  r.run(accounting, 100, 101);
  CHECK(value(accounting.figures(at(100.99))[0].figures, Q::device_energy) == doctest::Approx(before + 1500));
  r.run(accounting, 101, 200);
  CHECK(value(accounting.figures(at(199.99))[0].figures, Q::device_energy) ==
        doctest::Approx(before + 1500 + 99 * 3000));
}

TEST_CASE("a source that learns who it is carries on") {
  Rack r = rack_with(2, 2);
  Accounting accounting = account_one_scope();
  r.run(accounting, 0, 50);
  MeterShape known;
  known.serial = "12345";
  r.meters[0] = meter("pdu-a", known);
  r.run(accounting, 50, 100);
  CHECK(value(accounting.figures(at(99.99))[0].figures, Q::energy) ==
        doctest::Approx(99 * 5000).epsilon(0.02));
  CHECK(value(minute(accounting.figures(at(99.99))[0]), Q::coverage) == 1);
}

TEST_CASE("sources of no scope are not accounted, sets out of order and without values neither") {
  Rack r = rack_with(2, 2);
  r.meters.push_back(meter("other"));
  Accounting accounting = account_one_scope();
  r.run(accounting, 0, 100);
  const double energy = value(accounting.figures(at(99.99))[0].figures, Q::energy);
  CHECK(energy == doctest::Approx(99 * 5000 * 2 / 3).epsilon(0.03));
  std::vector<ReadingSet> odd{meter_set(r.meters[0], 50, 5000, 9.9e9),
                              meter_set(r.meters[0], 100.1, absent, absent)};
  odd[1].values.assign(3, absent);
  CHECK(accounting.advance(odd, at(106)).empty());
  const ScopeFigures figures = accounting.figures(at(106))[0];
  CHECK(value(figures.figures, Q::energy) == energy);
  CHECK_FALSE(is_known(value(figures.figures, Q::power)));
}

TEST_CASE("a feed without load does not take the scope's power away") {
  Rack r = rack_with(2, 2);
  r.disturb = [](ReadingSet& set, double) {
    if (set.source->name == "pdu-b") set.values[1] = 0;
    return true;
  };
  Accounting accounting = account_one_scope();
  r.run(accounting, 0, 3);
  for (int s = 3; s < 20; ++s) {
    r.second(accounting, s);
    CHECK(value(accounting.figures(at(s + 0.99))[0].figures, Q::power) == doctest::Approx(2500));
  }
}
