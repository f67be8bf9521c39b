// Covered totals: their ratio is J/FLOP over any range, whatever befalls meters, accelerators and the agent.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <map>

#include "tests/unit/agent/accounting/rack.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;

namespace {

double covered_total(const ScopeFigures& figures, Method method, Quantity quantity) {
  return figures.figures.values.at(*figures.figures.source->index_of({quantity, place_of(method)}));
}

Settings short_windows() {
  return settings({scope("r", {"pdu-a"}, Work::all)}, {window("1m", 60), window("5m", 300)});
}

}  // namespace

// Polled each ten seconds: a day is then soon over.
SourcePtr slow(const SourcePtr& source) {
  auto changed = std::make_shared<Source>(*source);
  changed->interval = changed->effective_period = std::chrono::seconds(10);
  return changed;
}

TEST_CASE("a day of ten agents, with restarts, gaps and changes of method") {
  constexpr int day_s = 86'400;
  double fleet_energy = 0, fleet_flop = 0, true_energy = 0, true_flop = 0;
  int gaps = 0;
  for (int agent = 0; agent < 10; ++agent) {
    CAPTURE(agent);
    Rack r = rack_with(1, 1);
    r.random.seed(static_cast<unsigned>(agent));
    // Power and FLOP per joule differ from agent to agent, so that a wrong weight shows.
    r.load = sinusoid(3000.0 + 500 * agent, 2000, 977.0 + 13 * agent);
    r.flop_per_joule = 1e11 * (1 + agent);
    r.meters = {slow(meter("pdu-a", {.accuracy = 0, .ct_accuracy = 0}))};
    r.gpus = {slow(r.gpus[0])};
    r.offers = [](const std::string&, double t) { return Offers{std::fmod(t, 7200) < 1800, true, true}; };
    // The meter is silent for 60 s in each two hours, the accelerator for 60 s an hour later.
    r.disturb = [](ReadingSet& set, double t) {
      const double hour = std::fmod(t, 7200);
      return set.source->kind == SourceKind::meter ? hour < 3000 || hour > 3060 : hour < 6000 || hour > 6060;
    };
    Totals store;
    int from = 0;
    for (const int until : {20'000, 50'000, day_s}) {
      Accounting accounting(short_windows(), store, at(from));
      for (int s = from; s < until; s += 10) r.second(accounting, s);
      for (const auto& [key, total] : accounting.take_changed_totals()) store[key] = total;
      from = until + 60;  // down for a minute
    }
    const double energy = store.at("scope/r/covered_pipe_j"), flop = store.at("scope/r/covered_pipe_flop");
    // Each agent's own ratio, to the step of a register a gap: 3.6 kJ of some 1e8.
    CHECK(energy / flop == doctest::Approx(1 / (0.6 * r.flop_per_joule)).epsilon(0.003));
    // The accelerator's 12 gaps and two minutes in which the agent was down; the meter's gaps are bridged.
    const double missing_s = 12 * 70 + 2 * 70;
    CHECK(flop == doctest::Approx(r.work(0, day_s) * (1 - missing_s / day_s)).epsilon(0.008));
    fleet_energy += energy;
    fleet_flop += flop;
    true_energy += r.energy(0, day_s);
    true_flop += r.work(0, day_s);
    gaps += 12 + 2;
  }
  CHECK(fleet_energy / fleet_flop == doctest::Approx(true_energy / true_flop).epsilon(0.003));
  CHECK(gaps == 140);
}

TEST_CASE("energy and work of covered totals are of the same time at every moment") {
  Rack r = rack_with(1, 1);
  r.load = constant(5000);
  Accounting accounting(short_windows(), {}, at(0));
  for (int s = 0; s < 300; ++s) {
    r.second(accounting, s);
    const ScopeFigures figures = accounting.figures(at(s + 0.98))[0];
    const double flop = covered_total(figures, Method::pipe, Q::covered_work);
    if (!(flop > 0)) continue;
    // 3.6 kJ is one step of the register.
    CHECK(std::abs(covered_total(figures, Method::pipe, Q::covered_energy) - flop / (0.6 * 2e11)) <=
          3600 * 1.01);
  }
}

TEST_CASE("covered totals stand still while a meter is silent, and catch up with what its register tells") {
  Rack r = rack_with(1, 1);
  Accounting accounting(short_windows(), {}, at(0));
  r.disturb = [](ReadingSet& set, double t) {
    return set.source->kind != SourceKind::meter || t < 100 || t > 160;
  };
  r.run(accounting, 0, 110);
  const double before = covered_total(accounting.figures(at(110))[0], Method::pipe, Q::covered_work);
  r.run(accounting, 110, 155);
  CHECK(covered_total(accounting.figures(at(155))[0], Method::pipe, Q::covered_work) == before);
  r.run(accounting, 155, 200);
  const ScopeFigures after = accounting.figures(at(200))[0];
  CHECK(covered_total(after, Method::pipe, Q::covered_work) == doctest::Approx(r.work(0, 199)).epsilon(0.01));
  CHECK(covered_total(after, Method::pipe, Q::covered_energy) ==
        doctest::Approx(r.energy(0, 199)).epsilon(0.02));
}

TEST_CASE("windows that span a restart are completed from what was stored") {
  Rack r = rack_with(1, 1);
  std::vector<ReadingSet> stored;
  r.disturb = [&](ReadingSet& set, double) {
    stored.push_back(set);
    return true;
  };
  Totals store;
  {
    Accounting accounting(short_windows(), {}, at(0));
    r.run(accounting, 0, 400);
    store = accounting.take_changed_totals();
  }
  const double energy_before = store.at("scope/r/energy_j");
  Accounting accounting(short_windows(), store, at(410));
  accounting.replay(stored, at(410));
  CHECK(accounting.figures(at(410))[0].figures.values[2] == energy_before);
  r.disturb = [](ReadingSet&, double) { return true; };
  r.run(accounting, 410, 425);
  const WindowFigures long_window = accounting.figures(at(424.99))[0].windows[1];
  // Down for ten seconds of 300: the work is not known, the energy is.
  CHECK(value(long_window.figures, Q::coverage) == doctest::Approx(1 - 11.0 / 300).epsilon(0.01));
  CHECK(is_known(value(long_window.figures, Q::joules_per_flop)));
  CHECK(value(long_window.figures, Q::joules_per_flop) == doctest::Approx(1 / (0.6 * 2e11)).epsilon(0.02));
  // Ten of sixty are too much for the short one, and it says why.
  const WindowFigures minute_window = accounting.figures(at(424.99))[0].windows[0];
  CHECK(value(minute_window.figures, Q::missing) == static_cast<double>(MissingReason::restart));
  // Totals grow by what the register tells over the gap, once.
  r.run(accounting, 425, 500);
  CHECK(value(accounting.figures(at(500))[0].figures, Q::energy) ==
        doctest::Approx(r.energy(0, 499)).epsilon(0.01));
}

TEST_CASE("a meter that tells 0 for all of its registers for seconds has not lost its load") {
  Rack r = rack_with(1, 1);
  r.disturb = [](ReadingSet& set, double t) {
    if (set.source->kind != SourceKind::meter || t < 100 || t > 104) return true;
    for (const Quantity quantity : {Q::active_power, Q::energy_import})
      set.values.at(*set.source->index_of({quantity})) = 0;
    return true;
  };
  Accounting accounting(short_windows(), {}, at(0));
  r.run(accounting, 0, 130);
  const WindowFigures figures = accounting.figures(at(129.99))[0].windows[0];
  CHECK(value(figures.figures, Q::energy) / value(figures.figures, Q::coverage) ==
        doctest::Approx(r.energy(69, 129)).epsilon(0.005));
  CHECK(is_known(value(figures.figures, Q::joules_per_flop)));
}

TEST_CASE("covered totals keep pace with the work under a register that counts in coarse steps") {
  // A float register at some 4,000 kWh, in steps of 0.1 kWh: one in a minute.
  Rack r = rack_with(1, 1);
  r.load = sinusoid(6000, 2000, 97);
  r.disturb = [](ReadingSet& set, double) {
    const auto energy = set.source->index_of({Q::energy_import});
    if (energy && set.source->kind == SourceKind::meter)
      set.values[*energy] = std::floor(set.values[*energy] / 100) * 100;
    return true;
  };
  Accounting accounting(short_windows(), {}, at(0));
  double worst = 0, before_energy = 0;
  std::vector<std::pair<double, double>> totals;
  for (int s = 0; s < 1800; ++s) {
    r.second(accounting, s);
    const ScopeFigures figures = accounting.figures(at(s + 0.98))[0];
    totals.emplace_back(covered_total(figures, Method::pipe, Q::covered_energy),
                        covered_total(figures, Method::pipe, Q::covered_work));
    CHECK(!(totals.back().first < before_energy));
    before_energy = totals.back().first;
    if (s < 600) continue;
    const auto& [energy, flop] = totals[static_cast<std::size_t>(s - 60)];
    const double ratio = (totals.back().first - energy) / (totals.back().second - flop);
    worst = std::max(worst, std::abs(ratio * 0.6 * 2e11 - 1));
  }
  CHECK(worst < 0.05);  // one step is the energy of a minute; its moment is known to a second
  CHECK(before_energy == doctest::Approx(totals.back().second / (0.6 * 2e11)).epsilon(0.005));
}

// A rack with one meter that counts in steps, over restarts; what it shows may be disturbed.
struct Restarted {
  Rack rack = rack_with(1, 1);
  double step_wh = 1;
  std::function<bool(ReadingSet&, double)> fault = [](ReadingSet&, double) { return true; };
  std::vector<ReadingSet> stored;
  Totals store;
  std::vector<std::array<double, 4>> seen;  // time, covered energy, covered work, energy

  void run(int from, int to) {
    Accounting accounting(short_windows(), store, at(from));
    accounting.replay(stored, at(from));
    rack.disturb = [&](ReadingSet& set, double t) {
      if (!fault(set, t)) return false;
      const auto energy = set.source->index_of({Q::energy_import});
      if (energy) set.values[*energy] = std::floor(set.values[*energy] / step_wh) * step_wh;
      stored.push_back(set);
      return true;
    };
    for (int s = from; s < to; ++s) {
      rack.second(accounting, s);
      const ScopeFigures figures = accounting.figures(at(s + 0.98))[0];
      seen.push_back({static_cast<double>(s), covered_total(figures, Method::pipe, Q::covered_energy),
                      covered_total(figures, Method::pipe, Q::covered_work), figures.figures.values[2]});
    }
    for (const auto& [key, total] : accounting.take_changed_totals()) store[key] = total;
  }

  // The worst deviation of the ratio over `length` seconds, relative.
  [[nodiscard]] double worst(double length, double from = 60) const {
    double worst = 0, worst_at = 0;
    for (const auto& end : seen)
      for (const auto& begin : seen) {
        // Ranges of which most is not covered tell of less than a step.
        const double least_work = 0.5 * length * 0.6 * 2e11 * 2500;
        if (begin[0] < from || std::abs(end[0] - begin[0] - length) > 0.5) continue;
        if (end[2] - begin[2] < least_work) continue;
        const double off = (end[1] - begin[1]) / (end[2] - begin[2]) * 0.6 * 2e11 - 1;
        if (std::abs(off) > std::abs(worst)) worst = off, worst_at = end[0];
      }
    if (std::abs(worst) > 0.05) MESSAGE("over " << length << " s until " << worst_at << ": " << worst);
    return std::abs(worst);
  }
};

TEST_CASE("covered totals hold at the first step of a coarse register, over a restart and a freeze") {
  for (const double step_wh : {1.0, 100.0}) {
    CAPTURE(step_wh);
    Restarted test;
    test.step_wh = step_wh;
    test.rack.load = sinusoid(4000, 1500, 97);
    double frozen_from = 1e9, frozen_until = 1e9;
    double lost_from = 1e9, lost_until = 1e9, zero_from = 1e9, zero_until = 1e9;
    bool is_all_frozen = false;
    std::map<std::string, std::vector<double>> held;
    test.fault = [&](ReadingSet& set, double t) {
      const bool is_meter = set.source->kind == SourceKind::meter;
      if (!is_meter) return t < lost_from || t > lost_until;
      const auto energy = *set.source->index_of({Q::energy_import});
      auto& shown = held[set.source->name];
      const bool is_frozen = t > frozen_from && t < frozen_until && !shown.empty();
      if (!is_frozen) shown = set.values;
      if (is_frozen && is_all_frozen) set.values = shown;
      if (is_frozen) set.values[energy] = shown[energy];
      if (t > zero_from && t < zero_until) set.values[energy] = 0;
      return true;
    };
    SUBCASE("from the start on") { test.run(0, 700); }
    SUBCASE("restarts") {
      test.run(0, 300);
      test.run(305, 500);
      test.run(504, 900);
    }
    SUBCASE("frozen over a restart") {
      frozen_from = 340;
      frozen_until = 440;
      test.run(0, 380);
      test.run(385, 900);
    }
    SUBCASE("all values frozen") {
      is_all_frozen = true;
      frozen_from = 350;
      frozen_until = 390;
      test.run(0, 900);
    }
    SUBCASE("the accelerator lost for 30 s") {
      lost_from = 350;
      lost_until = 380;
      test.run(0, 900);
    }
    SUBCASE("0 for a minute") {
      zero_from = 350;
      zero_until = 410;
      test.run(0, 900);
    }
    // Of values that stood still for 40 s nothing better is known.
    CHECK(test.worst(60) < (is_all_frozen ? 0.15 : 0.08));
    CHECK(test.worst(300) < 0.03);
    const auto& end = test.seen.back();
    CHECK(end[1] / end[2] * 0.6 * 2e11 == doctest::Approx(1).epsilon(0.015));
  }
}
