// Nested scopes: facility > rack > servers on outlets, against the truth of each level.
#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/rack.h"
#include "tests/unit/agent/accounting/site.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;

namespace {

Site site() {
  Site site;
  site.servers = {{constant(2000), 0.7, {gpu("nvidia0"), gpu("nvidia1", "GPU-2")}},
                  {constant(3000), 0.5, {gpu("nvidia2", "GPU-3")}}};
  site.pdu_a = pdu("pdu-a", 2);
  site.pdu_b = pdu("pdu-b", 2);
  return site;
}

std::vector<ScopeConfig> three_levels() {
  return {scope("gpu-01", {"pdu-a/1", "pdu-b/1"}, Work::listed, {"nvidia[01]"}),
          scope("gpu-02", {"pdu-a/2", "pdu-b/2"}, Work::listed, {"nvidia2"}),
          nested(scope("rack", {"pdu-a", "pdu-b"}, Work::all), {"gpu-01", "gpu-02"}),
          nested(scope("facility", {"main"}, Work::none), {"rack"})};
}

Accounting accounting_of(std::vector<ScopeConfig> scopes) {
  return Accounting(settings(std::move(scopes), {window("1m", 60)}), {}, at(0));
}

std::vector<ScopeFigures> all_at_second(const Accounting& accounting, int s) {
  return accounting.figures(at(s - 0.01));
}
}  // namespace

TEST_CASE("every level has its own energy, and the devices and work of all inside") {
  Site s = site();
  Accounting accounting = accounting_of(three_levels());
  s.run(accounting, 0, 100);
  const auto figures = all_at_second(accounting, 100);
  REQUIRE(figures.size() == 4);
  const std::array<std::string, 4> parents{"rack", "rack", "facility", ""};
  const std::array<double, 4> powers{2000, 3000, 5300, 1.37 * 5300};
  const std::array<double, 4> device_powers{1400, 1500, 2900, 2900};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    const ScopeFigures& one = figures[i];
    CHECK(one.parent == parents[i]);
    CHECK(one.from_meters);
    CHECK(best_method(one) == Method::pipe);
    CHECK(value(one.figures, Q::power) == doctest::Approx(powers[i]));
    CHECK(value(one.figures, Q::unaccounted_power) == doctest::Approx(powers[i] - device_powers[i]));
    CHECK(value(one.figures, Q::energy) == doctest::Approx(99 * powers[i]).epsilon(0.04));
    CHECK(value(one.figures, Q::device_energy) == doctest::Approx(99 * device_powers[i]));
    CHECK(work_total(one) == doctest::Approx(99 * device_powers[i] * 2e11));
    CHECK(value(minute(one), Q::coverage) == 1);
    CHECK(value(minute(one), Q::energy) == doctest::Approx(60 * powers[i]));
    CHECK(value(minute(one), Q::work) == doctest::Approx(60 * device_powers[i] * 2e11));
    CHECK(value(minute(one), Q::joules_per_flop) == doctest::Approx(powers[i] / (device_powers[i] * 2e11)));
  }
  CHECK(second_of(minute(figures[0])) == doctest::Approx(99));
}

TEST_CASE("interim PUE is the energy of the scope over that of the scopes inside") {
  Site s = site();
  s.servers[0].load = sinusoid(2000, 700, 47);
  s.jitter = 0.04;
  Accounting accounting = accounting_of(three_levels());
  s.run(accounting, 0, 100);
  for (int second = 100; second < 150; ++second) {
    s.second(accounting, second);
    const auto figures = all_at_second(accounting, second + 1);
    CHECK(value(minute(figures[3]), Q::interim_pue) == doctest::Approx(1.37).epsilon(0.001));
    const double end = second_of(minute(figures[2]));
    const double servers = s.server_energy(0, end - 60, end) + s.server_energy(1, end - 60, end);
    CHECK(value(minute(figures[2]), Q::interim_pue) ==
          doctest::Approx(s.rack_energy(end - 60, end) / servers).epsilon(0.001));
    CHECK_FALSE(is_known(value(minute(figures[0]), Q::interim_pue)));
  }
  // And in the closed window, at its end.
  int told = 0;
  for (const ReadingSet& set : s.closed) {
    if (set.source->name != "facility/1m" || second_of(set) < 61) continue;
    CHECK(value(set, Q::interim_pue) == doctest::Approx(1.37).epsilon(0.001));
    ++told;
  }
  CHECK(told == 1);
}

TEST_CASE("interim PUE is absent below full coverage of either side, and below 1") {
  for (const std::string silent : {"main", "pdu-b", "none"}) {
    CAPTURE(silent);
    Site s = site();
    if (silent == "none") s.pue = 0.99;
    s.disturb = [&](ReadingSet& set, double t) { return set.source->name != silent || t < 70 || t > 76; };
    Accounting accounting = accounting_of(three_levels());
    s.run(accounting, 0, 60);
    s.run(accounting, 60, 131);
    CHECK_FALSE(is_known(value(minute(all_at_second(accounting, 131)[3]), Q::interim_pue)));
    s.run(accounting, 131, 140);
    const double pue = value(minute(all_at_second(accounting, 140)[3]), Q::interim_pue);
    CHECK(is_known(pue) == (silent != "none"));
  }
}

TEST_CASE("a window for interim PUE waits for the meters of the scopes inside") {
  Site s = site();
  for (Server& server : s.servers) server.gpus.clear();
  s.main_phase = 0.6;  // read last, so it has reached further than the PDUs have
  Accounting accounting = accounting_of(three_levels());
  s.run(accounting, 0, 100);
  const auto figures = all_at_second(accounting, 100);
  CHECK(second_of(minute(figures[3])) == doctest::Approx(99.3));
  CHECK(value(minute(figures[3]), Q::interim_pue) == doctest::Approx(1.37));
}

TEST_CASE("interim PUE is absent where only work is not known, too: coverage is of both") {
  Site s = site();
  s.disturb = [](ReadingSet& set, double t) { return set.source->name != "nvidia2" || t < 70; };
  Accounting accounting = accounting_of(three_levels());
  s.run(accounting, 0, 100);
  const auto figures = all_at_second(accounting, 100);
  CHECK(value(minute(figures[3]), Q::coverage) < 0.6);
  CHECK(is_known(value(minute(figures[3]), Q::energy)));
  CHECK_FALSE(is_known(value(minute(figures[3]), Q::interim_pue)));
}

TEST_CASE("interim PUE needs meters at every scope inside, and meters of its own") {
  Site s = site();
  auto scopes = three_levels();
  scopes[1].energy.clear();  // gpu-02 takes its devices' energy
  scopes.push_back(nested(scope("sum", {}, Work::none), {"facility"}));
  Accounting accounting = accounting_of(scopes);
  s.run(accounting, 0, 100);
  const auto figures = all_at_second(accounting, 100);
  CHECK_FALSE(figures[1].from_meters);
  CHECK_FALSE(is_known(value(minute(figures[2]), Q::interim_pue)));
  CHECK(value(minute(figures[3]), Q::interim_pue) == doctest::Approx(1.37));
  CHECK(figures[4].from_meters);
  CHECK(value(minute(figures[4]), Q::energy) == doctest::Approx(60 * 1.37 * 5300));
  CHECK_FALSE(is_known(value(minute(figures[4]), Q::interim_pue)));
}

TEST_CASE("a scope without energy adds up the scopes inside where they have all there is, else devices") {
  Site s = site();
  auto scopes = three_levels();
  scopes[2] = nested(scope("rack", {}, Work::none), {"gpu-01", "gpu-02"});
  {
    Accounting accounting = accounting_of(scopes);
    s.run(accounting, 0, 100);
    const ScopeFigures rack = all_at_second(accounting, 100)[2];
    CHECK(rack.from_meters);
    CHECK(value(rack.figures, Q::power) == doctest::Approx(5000));
    CHECK(value(minute(rack), Q::energy) == doctest::Approx(60 * 5000));
    CHECK(term(rack.windows[0], "meter class") == doctest::Approx(0.005 / std::sqrt(3)));
  }
  scopes[2].work = Work::all;
  Accounting accounting = accounting_of(scopes);
  s.run(accounting, 0, 100);
  const ScopeFigures rack = all_at_second(accounting, 100)[2];
  CHECK_FALSE(rack.from_meters);
  CHECK(value(rack.figures, Q::power) == doctest::Approx(2900));
  CHECK(value(minute(rack), Q::energy) == doctest::Approx(60 * 2900));
}

TEST_CASE("a glob leaves out what scopes inside name, and all what any scope names") {
  Site s = site();
  auto scopes = three_levels();
  scopes[0].work_patterns = {"nvidia0"};
  scopes[1].work = Work::all;
  scopes[2] = nested(scope("rack", {"pdu-a", "pdu-b"}, Work::listed, {"nvidia*"}), {"gpu-01", "gpu-02"});
  Accounting accounting = accounting_of(scopes);
  s.run(accounting, 0, 100);
  const auto figures = all_at_second(accounting, 100);
  CHECK(work_total(figures[0]) == doctest::Approx(99 * 700 * 2e11));
  CHECK_FALSE(is_known(work_total(figures[1])));
  CHECK(work_total(figures[2]) == doctest::Approx(99 * 2900 * 2e11));
}

TEST_CASE("a stale meter takes away power and windows of its own scope, not of the one around") {
  Site s = site();
  s.disturb = [](ReadingSet& set, double t) { return set.source->name != "pdu-a" || t < 90; };
  Accounting accounting = accounting_of(three_levels());
  s.run(accounting, 0, 100);
  const auto figures = all_at_second(accounting, 100);
  for (const std::size_t i : {0U, 1U, 2U}) {
    CHECK(reason_for_all(figures[i]) == MissingReason::meter_stale);
    CHECK_FALSE(is_known(value(figures[i].figures, Q::power)));
  }
  CHECK(value(figures[3].figures, Q::power) == doctest::Approx(1.37 * 5300));
  CHECK(value(minute(figures[3]), Q::coverage) == 1);
  CHECK_FALSE(is_known(value(minute(figures[3]), Q::interim_pue)));
}

TEST_CASE("one method for a scope with all that lie inside; inside it may be a better one") {
  Site s = site();
  s.offers = {true, true, true};
  s.disturb = [](ReadingSet& set, double) {
    if (set.source->name == "nvidia2") set.values.back() = absent;
    return true;
  };
  Accounting accounting = accounting_of(three_levels());
  s.run(accounting, 0, 100);
  const auto figures = all_at_second(accounting, 100);
  const std::array<Method, 4> methods{Method::counted, Method::pipe, Method::pipe, Method::pipe};
  for (std::size_t i = 0; i < 4; ++i) CHECK(best_method(figures[i]) == methods[i]);
  CHECK(value(minute(figures[0]), Q::work) ==
        doctest::Approx(told_share(Method::counted) * s.work(0, 39, 99)));
  CHECK(value(minute(figures[2]), Q::work) == doctest::Approx(s.work(0, 39, 99) + s.work(1, 39, 99)));
}

TEST_CASE("lines to a scope inside cover its accelerators for the scopes around") {
  Site s = site();
  s.offers = {true, true, true};
  const SourcePtr counted = lines("gpu-02");
  std::vector<ReadingSet> batch;
  s.disturb = [&](ReadingSet& set, double) {
    if (set.source->name == "nvidia2") set.values.back() = absent;
    batch.push_back(set);
    return false;
  };
  Accounting accounting = accounting_of(three_levels());
  Accounting unused({}, {}, at(0));
  for (int second = 0; second < 100; ++second) {
    batch.clear();
    s.second(unused, second);
    batch.push_back(lines_set(counted, second + 0.97, 4e14 * second));
    CHECK(accounting.advance(batch, at(second + 0.98)).size() <= 4);
  }
  const auto figures = all_at_second(accounting, 100);
  const double own = told_share(Method::counted) * s.work(0, 39, 99);
  const std::array<double, 4> works{own, 60 * 4e14, own + 60 * 4e14, own + 60 * 4e14};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(best_method(figures[i]) == Method::counted);
    CHECK(value(minute(figures[i]), Q::coverage) == 1);
    CHECK(value(minute(figures[i]), Q::work) == doctest::Approx(works[i]));
  }
}

TEST_CASE("branches survive a restart by their own registers") {
  Site s = site();
  Totals store;
  {
    Accounting accounting = accounting_of(three_levels());
    s.run(accounting, 0, 100);
    store = accounting.take_changed_totals();
  }
  CHECK(store.count("source/pdu-a/energy_j") == 1);
  CHECK(store.count("source/pdu-a/1/energy_j") == 1);
  Accounting again(settings(three_levels(), {window("1m", 60)}), store, at(300));
  s.run(again, 300, 400);
  const auto figures = again.figures(at(399.99));
  CHECK(value(figures[0].figures, Q::energy) == doctest::Approx(399 * 2000).epsilon(0.01));
  CHECK(value(figures[1].figures, Q::energy) == doctest::Approx(399 * 3000).epsilon(0.01));
  CHECK(value(figures[2].figures, Q::energy) == doctest::Approx(399 * 5300).epsilon(0.01));
}
