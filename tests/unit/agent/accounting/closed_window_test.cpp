// Closed windows: aligned to UTC, once each, published when every source has reached their end or is stale.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/agent/accounting/rack.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;

namespace {

Rack wavy_rack() {
  Rack rack;
  rack.load = sinusoid(6000, 2000, 47);
  rack.meters = {meter("pdu-a"), meter("pdu-b")};
  rack.gpus = {gpu("nvidia0")};
  rack.meter_phase = 0.4;
  rack.jitter = 0.05;
  return rack;
}

std::vector<ReadingSet> of(const Rack& rack, const std::string& name) {
  std::vector<ReadingSet> sets;
  for (const ReadingSet& set : rack.closed)
    if (set.source->name == name) sets.push_back(set);
  return sets;
}

}  // namespace

TEST_CASE("every window closes exactly once, at its boundary of UTC, with the truth of that time") {
  Rack r = wavy_rack();
  Accounting accounting(settings({scope("r", {"pdu-a", "pdu-b"}, Work::all), scope("m", {}, Work::none)},
                                 {window("1m", 60), window("15m", 900)}),
                        {}, at(0));
  r.run(accounting, 25, 1900);
  const auto minutes = of(r, "r/1m");
  REQUIRE(minutes.size() == 31);
  for (std::size_t i = 0; i < minutes.size(); ++i) {
    const ReadingSet& set = minutes[i];
    const double end = 60.0 * static_cast<double>(i + 1);
    CHECK(set.time == at(end));
    if (i == 0) {  // the agent was not there for its whole time
      CHECK(value(set, Q::coverage) == doctest::Approx(34.6 / 60).epsilon(0.01));
      CHECK(value(set, Q::energy) == doctest::Approx(r.energy(25.4, 60)).epsilon(0.01));
      CHECK_FALSE(is_known(value(set, Q::joules_per_flop)));
      continue;
    }
    CHECK(value(set, Q::coverage) == 1);
    CHECK(value(set, Q::energy) == doctest::Approx(r.energy(end - 60, end)).epsilon(0.004));
    CHECK(value(set, Q::work) == doctest::Approx(r.work(end - 60, end)).epsilon(0.001));
    CHECK(value(set, Q::method) == static_cast<double>(Method::pipe));
    const double truth = r.energy(end - 60, end) / r.work(end - 60, end);
    CHECK(std::abs(value(set, Q::joules_per_flop) / truth - 1) <= value(set, Q::uncertainty));
  }
  const auto quarters = of(r, "r/15m");
  REQUIRE(quarters.size() == 2);
  CHECK(quarters[1].time == at(1800));
  CHECK(value(quarters[1], Q::energy) == doctest::Approx(r.energy(900, 1800)).epsilon(0.001));
  CHECK(value(quarters[1], Q::joules_per_flop) ==
        doctest::Approx(r.energy(900, 1800) / r.work(900, 1800)).epsilon(0.001));
  CHECK(of(r, "m/1m").size() == 31);
}

TEST_CASE("consecutive windows add up to the scope's energy") {
  Rack r = wavy_rack();
  Accounting accounting(settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("10s", 10)}), {},
                        at(0));
  r.run(accounting, 0, 700);
  double work = 0;
  for (const ReadingSet& set : r.closed)
    if (second_of(set) > 95 && second_of(set) < 605) work += value(set, Q::work);
  CHECK(work == doctest::Approx(r.work(90, 600)).epsilon(0.0005));
}

TEST_CASE("a window waits for the slowest source, but not for one that is stale") {
  Rack r = wavy_rack();
  Accounting accounting(settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("1m", 60)}), {}, at(0));
  double told_at = 0;
  r.disturb = [](ReadingSet& set, double t) {
    return set.source->name != "pdu-b" || t < 57 || (t > 63 && t < 115);
  };
  for (int s = 0; s < 130; ++s) {
    r.second(accounting, s);
    if (r.closed.size() == 1 && told_at == 0) told_at = s;
    if (s == 122) CHECK(r.closed.size() == 2);  // stale since 119.4 s: the second minute does not wait
  }
  CHECK(told_at == 61);  // stale since 61.4 s: neither does the first
  CHECK(value(r.closed[0], Q::coverage) == doctest::Approx(1 - 4.0 / 60).epsilon(0.02));
  CHECK(value(r.closed[1], Q::coverage) == doctest::Approx(1 - 9.0 / 60).epsilon(0.02));
}

TEST_CASE("a window without any reading has its coverage, the reason, and nothing else") {
  Rack r = wavy_rack();
  Accounting accounting(settings({scope("r", {"pdu-a"}, Work::none)}, {window("1m", 60)}), {}, at(0));
  r.disturb = [](ReadingSet&, double t) { return t < 50; };
  r.run(accounting, 0, 130);
  REQUIRE(r.closed.size() == 2);
  CHECK(value(r.closed[1], Q::coverage) == 0);
  CHECK(value(r.closed[1], Q::missing) == static_cast<double>(MissingReason::coverage));
  CHECK(r.closed[1].known_count() == 2);
}

TEST_CASE("windows of a scope in which there is no device yet close, too") {
  Rack r = wavy_rack();
  Accounting accounting(settings({scope("r", {}, Work::all)}, {window("1m", 60)}), {}, at(0));
  r.meters.clear();
  r.gpus.clear();
  r.run(accounting, 0, 130);
  REQUIRE(r.closed.size() == 2);
  CHECK(value(r.closed[1], Q::coverage) == 0);
  CHECK(r.closed[1].known_count() == 2);
}

TEST_CASE("windows of all scopes and lengths come in the order of their ends") {
  Rack r = wavy_rack();
  Accounting accounting(settings({scope("a", {"pdu-a"}, Work::all), scope("b", {"pdu-b"}, Work::none)},
                                 {window("1s", 1), window("2s", 2)}),
                        {}, at(0));
  r.run(accounting, 0, 5);
  std::vector<ReadingSet> batch;
  for (int s = 5; s < 9; ++s) {
    batch.push_back(meter_set(r.meters[0], s + 0.5, 3000, 3.6e9 + 3600.0 * s));
    batch.push_back(meter_set(r.meters[1], s + 0.5, 3000, 3.6e9 + 3600.0 * s));
    batch.push_back(gpu_set(r.gpus[0], s + 0.5, {3000, 1e6 + 3000.0 * s, 1e14 * s}));
  }
  const auto closed = accounting.advance(batch, at(9));
  CHECK(closed.size() == 12);
  CHECK(std::ranges::is_sorted(closed, {}, [](const ReadingSet& set) { return set.time.monotonic_us; }));
}

TEST_CASE("a step of the wall clock leaves out the window it falls in; the figures go on") {
  Rack r = wavy_rack();
  Accounting accounting(settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("1m", 60)}), {}, at(0));
  r.run(accounting, 0, 150);
  CHECK(r.closed.size() == 2);
  r.closed.clear();
  const auto later = [](Moment moment) { return Moment{moment.wall_us + 25'000'000, moment.monotonic_us}; };
  for (int s = 150; s < 400; ++s) {
    std::vector<ReadingSet> batch;
    for (const SourcePtr& one : r.meters)
      batch.push_back(meter_set(one, s + 0.4, r.load.watts(s + 0.4) / 2, 3.6e9 + r.load.joules(s + 0.4) / 2));
    const double joules = 0.6 * r.load.joules(s);
    batch.push_back(gpu_set(r.gpus[0], s, {3000, 1e6 + joules, joules * r.flop_per_joule}));
    for (ReadingSet& set : batch) set.time = later(set.time);
    for (ReadingSet& set : accounting.advance(batch, later(at(s + 0.98)))) r.closed.push_back(std::move(set));
  }
  // Wall 175 s when it stepped; the first that closes is 180 to 240 s of the new clock, 155 to 215
  // s of the old.
  REQUIRE(r.closed.size() == 4);
  for (std::size_t i = 0; i < r.closed.size(); ++i) {
    const double end = 215.0 + 60.0 * static_cast<double>(i);
    CHECK(r.closed[i].time == later(at(end)));
    CHECK(value(r.closed[i], Q::coverage) == 1);
    CHECK(value(r.closed[i], Q::energy) == doctest::Approx(r.energy(end - 60, end)).epsilon(0.004));
  }
}

TEST_CASE("windows that reach back before the agent began stand or fall by coverage") {
  Rack r = wavy_rack();
  const Settings windows = settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("15m", 900)});
  Totals store;
  {
    Accounting accounting(windows, {}, at(0));
    r.run(accounting, 0, 910);
    store = accounting.take_changed_totals();
    REQUIRE(r.closed.size() == 1);
    CHECK(is_known(value(r.closed[0], Q::joules_per_flop)));
  }
  // Away for one minute of fifteen.
  Accounting accounting(windows, store, at(970));
  r.run(accounting, 970, 2710);
  REQUIRE(r.closed.size() == 3);
  const ReadingSet& spanning = r.closed[1];
  CHECK(spanning.time == at(1800));
  CHECK(value(spanning, Q::coverage) > 0.92);
  CHECK(is_known(value(spanning, Q::energy)));
  CHECK(is_known(value(spanning, Q::work)));
  CHECK(is_known(value(spanning, Q::joules_per_flop)));
  // One minute of fifteen in which anything may have been done is worth some per cent.
  CHECK(value(spanning, Q::uncertainty) > 0.05);
  CHECK(value(spanning, Q::uncertainty) < 0.2);
  CHECK(value(r.closed[2], Q::uncertainty) < 0.02);
  CHECK(is_known(value(r.closed[2], Q::joules_per_flop)));
}

TEST_CASE("the trailing window has J/FLOP when the agent has run for nine tenths of its length") {
  Rack r = wavy_rack();
  Accounting accounting(
      settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("1m", 60), window("1s", 1)}), {},
      at(99.5));
  for (int s = 100; s < 200; ++s) {
    r.second(accounting, s);
    const ScopeFigures figures = accounting.figures(at(s + 0.98))[0];
    CAPTURE(s);
    // It ends with the accelerators' readings, at the full second.
    CHECK(is_known(value(figures.windows[0].figures, Q::joules_per_flop)) == (s >= 155));
    if (s < 155)
      CHECK(value(figures.windows[0].figures, Q::missing) == static_cast<double>(MissingReason::starting));
    if (s > 102) CHECK(is_known(value(figures.windows[1].figures, Q::joules_per_flop)));
    if (s == 159) CHECK(value(figures.windows[0].figures, Q::coverage) > 0.9);
  }
}

TEST_CASE("a window that a stop left waiting closes in the next run, and none closes twice") {
  Rack r = wavy_rack();
  // Meters that answer each 5 s: what has ended is known only then.
  for (SourcePtr& meter : r.meters) {
    auto slow = std::make_shared<Source>(*meter);
    slow->interval = slow->effective_period = std::chrono::seconds(5);
    meter = slow;
  }
  std::vector<ReadingSet> stored;
  r.disturb = [&](ReadingSet& set, double t) {
    const bool is_read = set.source->kind != SourceKind::meter || std::fmod(std::floor(t), 5) == 2;
    if (is_read) stored.push_back(set);
    return is_read;
  };
  const auto scopes =
      settings({scope("r", {"pdu-a", "pdu-b"}, Work::all)}, {window("20s", 20), window("1m", 60)});
  Totals store;
  {
    Accounting accounting(scopes, {}, at(0));
    r.run(accounting, 0, 122);  // the newest reading of the meters is of 117
    store = accounting.take_changed_totals();
  }
  CHECK(of(r, "r/20s").size() == 5);
  CHECK(of(r, "r/1m").size() == 1);
  Accounting accounting(scopes, store, at(185));
  accounting.replay(stored, at(185));
  r.run(accounting, 185, 305);
  const auto minutes = of(r, "r/1m");
  REQUIRE(minutes.size() == 5);
  CHECK(minutes[1].time == at(120));
  CHECK(value(minutes[1], Q::coverage) == doctest::Approx(57.0 / 60).epsilon(0.02));
  CHECK(value(minutes[1], Q::joules_per_flop) == doctest::Approx(1 / (0.6 * 2e11)).epsilon(0.05));
  CHECK(minutes[2].time == at(180));  // it began before the stop
  // Of the time in which the agent was down nothing is told.
  std::vector<double> ends;
  for (const ReadingSet& set : of(r, "r/20s")) ends.push_back(std::round(second_of(set)));
  CHECK(ends == std::vector<double>{20, 40, 60, 80, 100, 120, 140, 200, 220, 240, 260, 280, 300});
}
