// Other settings while the agent runs: what stays goes on without a break, what is new starts.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/agent/accounting/rack.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;

namespace {

Settings with(std::vector<ScopeConfig> scopes) { return settings(std::move(scopes), {window("1m", 60)}); }

const ScopeConfig whole = scope("r", {"pdu-a", "pdu-b"}, Work::all);

ScopeFigures figures_of(const Accounting& accounting, const std::string& name, double now) {
  for (ScopeFigures& one : accounting.figures(at(now)))
    if (one.name == name) return one;
  FAIL("there is no scope " << name);
  return {};
}

std::ptrdiff_t closed_count(const Rack& rack, const std::string& name) {
  return std::ranges::count_if(rack.closed, [&](const ReadingSet& set) { return set.source->name == name; });
}

}  // namespace

TEST_CASE("a scope whose lists stay goes on: totals, windows, method") {
  Rack r = rack_with(2, 2);
  r.offers = [](const std::string&, double t) { return Offers{t >= 90}; };
  r.counting_since = 89;
  Accounting accounting(with({whole}), {}, at(0));
  r.run(accounting, 0, 100);
  const ScopeFigures before = figures_of(accounting, "r", 99.99);
  accounting.reconfigure(with({scope("other", {}, Work::none), whole}));
  const ScopeFigures after = figures_of(accounting, "r", 99.99);
  CHECK(value(after.figures, Q::energy) == value(before.figures, Q::energy));
  CHECK(value(after.figures, Q::device_energy) == value(before.figures, Q::device_energy));
  CHECK(work_total(after) == work_total(before));
  CHECK(best_method(after) == best_method(before));
  CHECK(value(minute(after), Q::joules_per_flop) == value(minute(before), Q::joules_per_flop));
  CHECK(value(minute(after), Q::energy) == value(minute(before), Q::energy));
  r.run(accounting, 100, 200);
  const ScopeFigures later = figures_of(accounting, "r", 199.99);
  CHECK(value(later.figures, Q::energy) == doctest::Approx(199 * 5000).epsilon(0.01));
  CHECK(value(later.figures, Q::device_energy) == doctest::Approx(199 * 3000));
  CHECK(work_total(later) == doctest::Approx(r.work_by(Method::counted, 89, 199)));
  CHECK(value(minute(later), Q::coverage) == 1);
  CHECK(closed_count(r, "r/1m") == 3);
}

TEST_CASE("a window that waits for a silent source still closes") {
  Rack r = rack_with(2, 2);
  Accounting accounting(with({whole}), {}, at(0));
  r.disturb = [](ReadingSet& set, double t) { return set.source->name != "pdu-b" || t < 58 || t > 62; };
  r.run(accounting, 0, 61);
  CHECK(r.closed.empty());
  accounting.reconfigure(with({whole, scope("s", {}, Work::none)}));
  r.run(accounting, 61, 70);
  REQUIRE(r.closed.size() == 1);
  CHECK(r.closed[0].time == at(60));
  CHECK(value(r.closed[0], Q::coverage) == doctest::Approx(1).epsilon(0.001));
}

TEST_CASE("a new scope starts at 0, with windows of the readings that its sources have already") {
  Rack r = rack_with(2, 2);
  Accounting accounting(with({whole}), {}, at(0));
  r.run(accounting, 0, 100);
  accounting.reconfigure(with({nested(whole, {"s"}), scope("s", {}, Work::listed, {"nvidia1"})}));
  CHECK(value(figures_of(accounting, "s", 99.99).figures, Q::energy) == 0);
  CHECK(value(figures_of(accounting, "r", 99.99).figures, Q::energy) == 0);  // its own lists have changed
  r.run(accounting, 100, 110);
  const ScopeFigures s = figures_of(accounting, "s", 109.99);
  CHECK(s.parent == "r");
  CHECK(best_method(s) == Method::pipe);
  CHECK(value(s.figures, Q::device_energy) == doctest::Approx(10 * 1500));
  CHECK(work_total(s) == doctest::Approx(10 * 1500 * 2e11));
  CHECK(value(minute(s), Q::coverage) == 1);
  CHECK(value(minute(s), Q::joules_per_flop) == doctest::Approx(1 / 2e11));
  const ScopeFigures around = figures_of(accounting, "r", 109.99);
  CHECK(value(around.figures, Q::device_energy) == doctest::Approx(10 * 3000));
  CHECK(value(minute(around), Q::joules_per_flop) == doctest::Approx(1 / (0.6 * 2e11)));
}

TEST_CASE("a change inside restarts devices and work around, and leaves the energy of the meters") {
  Rack r = rack_with(2, 2);
  const ScopeConfig around = nested(scope("r", {"pdu-a", "pdu-b"}, Work::none), {"s"});
  Accounting accounting(with({around, scope("s", {}, Work::listed, {"nvidia0"})}), {}, at(0));
  r.run(accounting, 0, 100);
  const double energy = value(figures_of(accounting, "r", 99.99).figures, Q::energy);
  accounting.reconfigure(with({around, scope("s", {}, Work::listed, {"nvidia0", "nvidia1"})}));
  const ScopeFigures after = figures_of(accounting, "r", 99.99);
  CHECK(value(after.figures, Q::energy) == energy);
  CHECK(value(after.figures, Q::device_energy) == 0);
  CHECK_FALSE(is_known(work_total(after)));
  r.run(accounting, 100, 200);
  CHECK(value(figures_of(accounting, "r", 199.99).figures, Q::energy) ==
        doctest::Approx(199 * 5000).epsilon(0.01));
  // nvidia1 is accounted since second 100.
  CHECK(value(figures_of(accounting, "r", 199.99).figures, Q::device_energy) ==
        doctest::Approx(100 * 1500 + 99 * 1500));
}

TEST_CASE("a scope that is gone ends; when it comes back it carries on, without the time between") {
  Rack r = rack_with(2, 2);
  const ScopeConfig b = scope("b", {"pdu-b"}, Work::none);
  const ScopeConfig a = scope("a", {"pdu-a"}, Work::all);
  Accounting accounting(with({a, b}), {}, at(0));
  r.run(accounting, 0, 100);
  CHECK_FALSE(accounting.take_changed_totals().empty());
  r.run(accounting, 100, 110);
  const double before = value(figures_of(accounting, "b", 109.99).figures, Q::energy);
  accounting.reconfigure(with({a}));
  CHECK(accounting.figures(at(109.99)).size() == 1);
  // What changed since it was saved last is returned once more.
  const Totals last = accounting.take_changed_totals();
  CHECK(last.at("scope/b/energy_j") == before);
  CHECK(last.count("source/pdu-b/energy_j") == 1);
  r.closed.clear();
  r.run(accounting, 110, 200);
  CHECK(closed_count(r, "b/1m") == 0);
  CHECK(closed_count(r, "a/1m") == 2);
  accounting.reconfigure(with({a, b}));
  CHECK(value(figures_of(accounting, "b", 199.99).figures, Q::energy) == before);
  r.run(accounting, 200, 300);
  // As after a restart with the same lists: the register holds what came meanwhile.
  CHECK(value(figures_of(accounting, "b", 299.99).figures, Q::energy) ==
        doctest::Approx(299 * 2500).epsilon(0.01));
}

TEST_CASE("other windows begin at the next reading, filled with what is known") {
  Rack r = rack_with(2, 2);
  Accounting accounting(with({whole}), {}, at(0));
  r.run(accounting, 0, 110);
  accounting.reconfigure(settings({whole}, {window("30s", 30), window("1m", 60)}));
  r.closed.clear();
  r.run(accounting, 110, 130);
  REQUIRE(r.closed.size() == 2);  // both end at 120 s
  for (const ReadingSet& set : r.closed) {
    CHECK(set.time == at(120));
    CHECK(value(set, Q::coverage) == 1);
  }
  CHECK(figures_of(accounting, "r", 129.99).windows.size() == 2);
}

TEST_CASE("a meter of which another part counts after the change") {
  auto both = std::make_shared<Source>(*meter("pdu-a"));
  both->fields.push_back({{Q::active_power, Place::branch, 3}, Wire::f32, 1, 0});
  const SourcePtr source = both;
  Accounting accounting(with({scope("r", {"pdu-a"}, Work::none)}), {}, at(0));
  const auto run = [&](int from, int to) {
    for (int s = from; s < to; ++s) {
      ReadingSet set = meter_set(source, s, 1000, 3.6e9 + 1000.0 * s);
      set.values.back() = 400;
      CHECK(accounting.advance({&set, 1}, at(s + 0.5)).size() <= 2);
    }
  };
  run(0, 100);
  accounting.reconfigure(
      with({nested(scope("r", {"pdu-a"}, Work::none), {"s"}), scope("s", {"pdu-a/3"}, Work::none)}));
  run(100, 200);
  const ScopeFigures s = figures_of(accounting, "s", 199.5);
  CHECK(value(s.figures, Q::power) == 400);
  CHECK(value(s.figures, Q::energy) == doctest::Approx(99 * 400));
  CHECK(value(minute(figures_of(accounting, "r", 199.5)), Q::interim_pue) ==
        doctest::Approx(2.5).epsilon(0.003).epsilon(0.003));
}

TEST_CASE("what was counted before a scope named the accelerator does not count in it") {
  Rack r = rack_with(2, 2);
  r.offers = [](const std::string&, double) { return Offers{true}; };
  Accounting accounting(with({scope("r", {"pdu-a"}, Work::none)}), {}, at(0));
  r.run(accounting, 0, 100);
  accounting.reconfigure(with({scope("r", {"pdu-a"}, Work::all)}));
  r.run(accounting, 100, 200);
  CHECK(work_total(figures_of(accounting, "r", 199.99)) ==
        doctest::Approx(r.work_by(Method::counted, 100, 199)));
}

TEST_CASE("an accelerator that has another name after a reload: J/FLOP comes back with the new one") {
  Rack r = rack_with(2, 2);
  Accounting accounting(with({whole}), {}, at(0));
  r.run(accounting, 0, 300);
  const ScopeFigures before = figures_of(accounting, "r", 299.99);
  accounting.reconfigure(with({whole}));
  r.gpus[1] = gpu("gpu-a", "GPU-2");
  r.run(accounting, 300, 305);
  accounting.forget("nvidia1");
  r.run(accounting, 305, 350);
  CHECK_FALSE(is_known(value(minute(figures_of(accounting, "r", 349.99)), Q::joules_per_flop)));
  r.run(accounting, 350, 400);
  const ScopeFigures after = figures_of(accounting, "r", 399.99);
  CHECK(value(minute(after), Q::coverage) == 1);
  CHECK(value(minute(after), Q::joules_per_flop) == doctest::Approx(1 / (0.6 * 2e11)));
  CHECK(value(after.figures, Q::unaccounted_power) == doctest::Approx(2000));
  // What it had counted stays; of the other nothing is known before its first reading.
  CHECK(value(after.figures, Q::device_energy) ==
        doctest::Approx(value(before.figures, Q::device_energy) + 100 * 1500 + 99 * 1500));
  CHECK(work_total(after) ==
        doctest::Approx(work_total(before) + r.work(299, 399) / 2 + r.work(300, 399) / 2));
}

TEST_CASE("before the end of an accelerator the work of a window is not known") {
  Rack r = rack_with(2, 2);
  r.offers = [](const std::string&, double) { return Offers{true}; };
  Accounting accounting(with({whole}), {}, at(0));
  r.run(accounting, 0, 100);
  r.gpus.pop_back();
  r.gpu_share /= 2;
  accounting.forget("nvidia1");
  accounting.forget("nobody");
  for (int s = 100; s < 200; ++s) {
    r.second(accounting, s);
    const ScopeFigures figures = figures_of(accounting, "r", s + 0.99);
    CAPTURE(s);
    CHECK(value(minute(figures), Q::coverage) ==
          doctest::Approx(std::min(1.0, (s - 99.98) / 60)).epsilon(0.01));
    CHECK(is_known(value(minute(figures), Q::joules_per_flop)) == (s >= 154));
    if (s == 150) accounting.reconfigure(with({whole, scope("other", {}, Work::none)}));
  }
}

TEST_CASE("a source that was gone and comes back goes on: totals, registers, what was counted") {
  for (const bool is_reloaded : {false, true}) {
    CAPTURE(is_reloaded);
    Rack r = rack_with(2, 2);
    r.offers = [](const std::string&, double) { return Offers{true}; };
    Accounting accounting(with({whole}), {}, at(0));
    r.run(accounting, 0, 100);
    const double work = work_total(figures_of(accounting, "r", 99.99));
    CHECK_FALSE(accounting.take_changed_totals().empty());
    for (const char* name : {"pdu-b", "nvidia0", "nvidia1"}) accounting.forget(name);
    CHECK(reason_for_all(figures_of(accounting, "r", 99.99)) == MissingReason::meter_stale);
    CHECK_FALSE(is_known(value(figures_of(accounting, "r", 99.99).figures, Q::power)));
    if (is_reloaded) accounting.reconfigure(with({whole, scope("other", {}, Work::none)}));
    CHECK(reason_for_all(figures_of(accounting, "r", 99.99)) == MissingReason::meter_stale);
    r.run(accounting, 200, 300);
    const ScopeFigures figures = figures_of(accounting, "r", 299.99);
    CHECK(value(figures.figures, Q::energy) == doctest::Approx(299 * 5000).epsilon(0.01));
    CHECK(value(figures.figures, Q::device_energy) == doctest::Approx(299 * 3000));
    // A reload leaves no track of it: then it is as after a restart.
    CHECK(work_total(figures) ==
          doctest::Approx(work + r.work_by(Method::counted, is_reloaded ? 200 : 99, 299)));
    CHECK(value(minute(figures), Q::coverage) == 1);
  }
}
