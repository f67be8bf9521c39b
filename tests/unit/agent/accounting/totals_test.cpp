// Totals over restarts of the agent.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "agent/accounting/scope_totals.h"
#include "tests/unit/agent/accounting/rack.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;

namespace {

Settings one_scope(std::vector<std::string> meters = {"pdu-a", "pdu-b"}) {
  return settings({scope("r", std::move(meters), Work::all)}, {window("1m", 60)});
}

void save(Totals& store, Accounting& accounting) {
  for (const auto& [key, total] : accounting.take_changed_totals()) store[key] = total;
}

ReadingSet running(const Accounting& accounting, double now) {
  return accounting.figures(at(now))[0].figures;
}

}  // namespace

TEST_CASE("totals are returned when they change and only then") {
  Rack r = rack_with(2, 1);
  Accounting accounting(one_scope(), {}, at(0));
  CHECK(accounting.take_changed_totals().count("scope/r/energy_j") == 1);
  CHECK(accounting.take_changed_totals().empty());
  r.run(accounting, 0, 10);
  const Totals changed = accounting.take_changed_totals();
  CHECK(changed.at("scope/r/energy_j") == value(running(accounting, 10), Q::energy));
  CHECK(changed.count("source/pdu-a/energy_j") == 1);
  CHECK(accounting.take_changed_totals().empty());
}

TEST_CASE("after a restart totals carry on, and energy catches up from the registers") {
  Totals store;
  Rack r = rack_with(2, 1);
  double energy = 0;
  double device_energy = 0;
  double work = 0;
  {
    Accounting accounting(one_scope(), store, at(0));
    r.run(accounting, 0, 100);
    save(store, accounting);
    const ReadingSet set = running(accounting, 99.99);
    energy = value(set, Q::energy);
    device_energy = value(set, Q::device_energy);
    work = work_total(accounting.figures(at(99.99))[0], Method::pipe);
  }
  Accounting accounting(one_scope(), store, at(700));
  // What was published is there at once.
  CHECK(value(running(accounting, 699), Q::energy) == energy);
  CHECK(work_total(accounting.figures(at(699))[0], Method::pipe) == work);
  r.run(accounting, 700, 800);
  CHECK(value(running(accounting, 799.99), Q::energy) == doctest::Approx(799 * 5000).epsilon(0.005));
  CHECK(value(running(accounting, 799.99), Q::device_energy) == doctest::Approx(799 * 3000));
  CHECK(value(running(accounting, 799.99), Q::device_energy) > device_energy);
  // Work done while nobody counted is not known.
  CHECK(work_total(accounting.figures(at(799.99))[0]) == doctest::Approx(work + 99 * 3000 * 2e11));
  const auto figures = accounting.figures(at(799.99));
  CHECK(value(figures[0].windows[0].figures, Q::coverage) == 1);
}

TEST_CASE("a kill between two commits counts nothing twice") {
  Totals store;
  Rack r = rack_with(2, 1);
  {
    Accounting accounting(one_scope(), store, at(0));
    r.run(accounting, 0, 50);
    save(store, accounting);
    r.run(accounting, 50, 53);  // never saved
  }
  Accounting accounting(one_scope(), store, at(60));
  r.run(accounting, 60, 100);
  CHECK(value(running(accounting, 99.99), Q::energy) == doctest::Approx(99 * 5000).epsilon(0.02));
  CHECK(value(running(accounting, 99.99), Q::device_energy) == doctest::Approx(99 * 3000));
}

TEST_CASE("other lists start at 0, without the energy of the time between") {
  Totals store;
  Rack r = rack_with(2, 1);
  {
    Accounting accounting(one_scope(), store, at(0));
    r.run(accounting, 0, 100);
    save(store, accounting);
  }
  Accounting accounting(one_scope({"pdu-a"}), store, at(200));
  CHECK(value(running(accounting, 199), Q::energy) == 0);
  r.run(accounting, 200, 300);
  CHECK(value(running(accounting, 299.99), Q::energy) == doctest::Approx(99 * 2500).epsilon(0.02));
  save(store, accounting);
  // And the first lists again: they start at 0 too.
  Accounting again(one_scope(), store, at(300));
  CHECK(value(running(again, 301), Q::energy) == 0);
}

TEST_CASE("lists in another order are the same lists") {
  Totals store;
  Rack r = rack_with(2, 1);
  {
    Accounting accounting(one_scope(), store, at(0));
    r.run(accounting, 0, 100);
    save(store, accounting);
  }
  Accounting accounting(one_scope({"pdu-b", "pdu-a"}), store, at(100));
  CHECK(value(running(accounting, 101), Q::energy) == store.at("scope/r/energy_j"));
}

TEST_CASE("a meter that was reset or replaced during the restart does not catch up") {
  MeterShape first;
  first.serial = "A";
  MeterShape second;
  second.serial = "B";
  for (const bool is_replaced : {true, false}) {
    Totals store;
    Rack r = rack_with(2, 1);
    r.meters = {meter("pdu-a", first), meter("pdu-b", first)};
    double before = 0;
    {
      Accounting accounting(one_scope(), store, at(0));
      r.run(accounting, 0, 100);
      save(store, accounting);
      before = value(running(accounting, 99.99), Q::energy);
    }
    if (is_replaced) r.meters[1] = meter("pdu-b", second);
    r.disturb = [&](ReadingSet& set, double) {
      // Replaced: a register that would be believable. Reset: it starts at 0.
      if (set.source->name == "pdu-b") set.values[2] += is_replaced ? 20 : -1e6;
      return true;
    };
    Accounting accounting(one_scope(), store, at(200));
    r.run(accounting, 200, 300);
    CHECK(value(running(accounting, 299.99), Q::energy) ==
          doctest::Approx(before + 200 * 2500 + 99 * 2500).epsilon(0.01));
  }
}

TEST_CASE("a meter that was replaced during the restart, and says who it is only later") {
  MeterShape shape;
  const auto named = [&](const char* serial) {
    shape.serial = serial;
    return meter("pdu-a", shape);
  };
  for (const bool was_known : {true, false}) {
    Totals store;
    Rack r;
    r.meters = {named(was_known ? "A" : "")};
    {
      Accounting accounting(one_scope({"pdu-a"}), store, at(0));
      r.run(accounting, 0, 100);
      save(store, accounting);
    }
    const double before = store.at("scope/r/energy_j");
    Accounting accounting(one_scope({"pdu-a"}), store, at(1000));
    r.meters = {named("")};
    r.run(accounting, 1000, 1002);
    r.meters = {named("B")};
    r.run(accounting, 1002, 1100);
    // Its register is a believable one. That of a meter that never said who it is was the same one's.
    const double caught_up = was_known ? 0 : 900 * 5000;
    CHECK(value(running(accounting, 1099.99), Q::energy) ==
          doctest::Approx(before + caught_up + 100 * 5000).epsilon(0.03));
  }
}

TEST_CASE("a register that goes and comes back adds nothing that was integrated meanwhile") {
  MeterShape shape;
  shape.has_register = false;
  const SourcePtr without = meter("pdu-a", shape);
  const SourcePtr with = meter("pdu-a");
  const Settings settings = one_scope({"pdu-a"});
  const auto run = [](Accounting& accounting, const SourcePtr& source, int from, int to) {
    Rack r;
    r.meters = {source};
    r.run(accounting, from, to);
  };
  SUBCASE("while the agent runs") {
    Accounting accounting(settings, {}, at(0));
    run(accounting, with, 0, 600);
    run(accounting, without, 600, 4200);
    run(accounting, with, 4200, 4260);
    CHECK(value(running(accounting, 4259.99), Q::energy) == doctest::Approx(4259 * 5000).epsilon(0.001));
  }
  SUBCASE("over restarts") {
    Totals store;
    const auto run_anew = [&](const SourcePtr& source, int from, int to) {
      Accounting accounting(settings, store, at(from));
      run(accounting, source, from, to);
      save(store, accounting);
    };
    run_anew(with, 0, 600);
    run_anew(without, 600, 4200);
    CHECK_FALSE(is_known(store.at("source/pdu-a/energy_j")));
    CHECK_FALSE(is_known(store.at("source/pdu-a/energy_time_us")));
    run_anew(with, 4200, 4260);
    CHECK(store.at("scope/r/energy_j") == doctest::Approx(4259 * 5000).epsilon(0.002));
    CHECK(is_known(store.at("source/pdu-a/energy_j")));
  }
}

TEST_CASE("totals without a register are integrated and not caught up") {
  MeterShape shape;
  shape.has_register = false;
  Totals store;
  Rack r = rack_with(2, 1);
  r.meters = {meter("pdu-a", shape), meter("pdu-b", shape)};
  {
    Accounting accounting(one_scope(), store, at(0));
    r.run(accounting, 0, 100);
    save(store, accounting);
  }
  Accounting accounting(one_scope(), store, at(200));
  r.run(accounting, 200, 300);
  CHECK(value(running(accounting, 299.99), Q::energy) == doctest::Approx(198 * 5000));
}

TEST_CASE("a store with rubbish in it does no harm") {
  Totals store{{"scope/r/energy_j", -5},
               {"scope/r/method", 77},
               {"source/pdu-a/energy_j", 1e300},
               {"source/pdu-a/energy_time_us", 1e15},
               {"source/pdu-b/energy_j", absent}};
  {
    Accounting accounting(one_scope(), {}, at(0));
    store["scope/r/lists"] = accounting.take_changed_totals().at("scope/r/lists");
  }
  Rack r = rack_with(2, 1);
  Accounting accounting(one_scope(), store, at(0));
  CHECK(value(running(accounting, 0), Q::energy) == 0);
  r.run(accounting, 0, 100);
  CHECK(value(running(accounting, 99.99), Q::energy) == doctest::Approx(99 * 5000).epsilon(0.03));
  CHECK(best_method(accounting.figures(at(99.99))[0]) == Method::pipe);
}

TEST_CASE("a total is finite, whatever was saved and whatever is counted") {
  constexpr double most = std::numeric_limits<double>::max();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Totals store;
  {
    Accounting accounting(one_scope(), {}, at(0));
    store = accounting.take_changed_totals();
  }
  store["scope/r/energy_j"] = infinity;
  store["scope/r/device_energy_j"] = most;
  store["scope/r/work_counted_flop"] = infinity;
  Rack r = rack_with(2, 1);
  r.offers = [](const std::string&, double) { return Offers{true}; };
  r.disturb = [](ReadingSet& set, double t) {
    if (set.source->kind == SourceKind::accelerator && t >= 50) set.values.back() += t < 51 ? most : infinity;
    return true;
  };
  Accounting accounting(one_scope(), store, at(0));
  CHECK(value(running(accounting, 0), Q::energy) == 0);
  CHECK(value(running(accounting, 0), Q::device_energy) == most);
  r.run(accounting, 0, 60);
  CHECK(value(running(accounting, 59.99), Q::energy) == doctest::Approx(59 * 5000).epsilon(0.05));
  for (const auto& [key, total] : accounting.take_changed_totals()) {
    CAPTURE(key);
    CHECK(std::isfinite(total));
  }
  const ReadingSet minute = accounting.figures(at(59.99))[0].windows[0].figures;
  for (const double value : minute.values) CHECK_FALSE(std::isinf(value));
}

TEST_CASE("growth after which a total would not be finite is not taken") {
  constexpr double most = std::numeric_limits<double>::max();
  ScopeTotals totals(plan_scopes(one_scope().scopes)[0], {});
  totals.add_work(Method::counted, 2e15);
  totals.add_work(Method::counted, std::numeric_limits<double>::infinity());
  totals.add_energy({std::nan(""), 0});
  CHECK(totals.work(Method::counted) == 2e15);
  CHECK(totals.energy() == 0);
  totals.add_work(Method::counted, most);
  totals.add_work(Method::counted, most);
  CHECK(totals.work(Method::counted) == most);
}

TEST_CASE("a source that gets another scale goes on: totals, windows, coverage") {
  // As a device does that raises its scale factor as its register fills, and rounds: each way, while it runs.
  const auto told_in = [](double scale) {
    MeterShape shape;
    shape.energy.scale = scale;  // Wh
    return meter("pdu-a", shape);
  };
  const SourcePtr fine = told_in(1);
  const SourcePtr coarse = told_in(10);
  for (const auto& [first, second] : {std::pair{fine, coarse}, std::pair{coarse, fine}}) {
    CAPTURE(first->fields.back().scale);
    Rack r;
    r.meters = {first};
    r.disturb = [&r](ReadingSet& set, double t) {
      const double watt_hours = (r.register_start + r.load.joules(t)) / 3600;
      const double scale = set.source->fields.back().scale;
      set.values.back() = std::round(watt_hours / scale) * scale;
      return true;
    };
    Accounting accounting(one_scope({"pdu-a"}), {}, at(0));
    r.run(accounting, 0, 100);
    const double before = value(running(accounting, 99.99), Q::energy);
    r.meters = {second};
    double newest = before;
    for (int s = 100; s < 200; ++s) {
      r.second(accounting, s);
      const double now = value(running(accounting, s + 0.99), Q::energy);
      CHECK(now >= newest);
      CHECK(std::abs(now - 5000 * s) <= 1.5 * 36e3);  // the coarse steps of 10 Wh
      newest = now;
    }
    CHECK(newest > before);
    CHECK(value(accounting.figures(at(199.99))[0].windows[0].figures, Q::coverage) == 1);
  }
}
