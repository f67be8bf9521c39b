// Work by method: side by side, and the best of each window.
#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/rack.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;

namespace {

Settings one_meter_scope() { return settings({scope("r", {"pdu-a"}, Work::all)}, {window("1m", 60)}); }

ScopeFigures at_second(const Accounting& accounting, int s) { return accounting.figures(at(s - 0.01))[0]; }
double total_in(const Totals& totals, const std::string& method) {
  const auto found = totals.find("scope/r/work_" + method + "_flop");
  return found == totals.end() ? 0 : found->second;
}
double by(Method method, const ReadingSet& set, Quantity quantity) {
  return set.values.at(*set.source->index_of({quantity, place_of(method)}));
}
MissingReason missing_by(Method method, const ReadingSet& set) {
  return static_cast<MissingReason>(by(method, set, Q::missing));
}

// Checks a whole minute that ends at the newest reading of the accelerators.
void check_minute(const Rack& rack, const ScopeFigures& figures, Method method) {
  const ReadingSet& set = minute(figures);
  const double end = second_of(set);
  const double work = rack.work_by(method, end - 60, end);
  const double energy = rack.energy(end - 60, end);
  CHECK(figures.windows[0].method == method);
  CHECK(value(set, Q::coverage) == 1);
  CHECK(value(set, Q::work) == doctest::Approx(work));
  CHECK(value(set, Q::joules_per_flop) == doctest::Approx(energy / work));
}

}  // namespace

TEST_CASE("counted and pipe: the scope has pipe, of both") {
  Rack r = rack_with(1, 2);
  r.offers = [](const std::string& name, double) { return Offers{name == "nvidia0", true, true}; };
  Accounting accounting(one_meter_scope(), {}, at(0));
  r.run(accounting, 0, 100);
  const ScopeFigures figures = at_second(accounting, 100);
  CHECK(best_method(figures) == Method::pipe);
  check_minute(r, figures, Method::pipe);
  CHECK(work_total(figures) == doctest::Approx(r.work(0, 99)));
  CHECK(value(minute(figures), Q::joules_per_flop_low) ==
        doctest::Approx(value(minute(figures), Q::joules_per_flop) / 2));
  CHECK(term(figures.windows[0], "counting steps") == 0);
}

TEST_CASE("all counted: the scope has counted, without bounds") {
  Rack r = rack_with(1, 2);
  r.offers = [](const std::string&, double) { return Offers{true, true, true}; };
  Accounting accounting(one_meter_scope(), {}, at(0));
  r.run(accounting, 0, 100);
  const ScopeFigures figures = at_second(accounting, 100);
  CHECK(best_method(figures) == Method::counted);
  check_minute(r, figures, Method::counted);
  CHECK(value(minute(figures), Q::joules_per_flop_low) == value(minute(figures), Q::joules_per_flop));
  CHECK(value(minute(figures), Q::joules_per_flop_high) == value(minute(figures), Q::joules_per_flop));
  // A second's work of each at both ends of the minute, in step with each other.
  CHECK(term(figures.windows[0], "counting steps") == doctest::Approx(std::sqrt(1.0 / 6) / 60));
}

TEST_CASE("estimated where that is all that one offers, with its wide bounds") {
  Rack r = rack_with(1, 2);
  r.offers = [](const std::string& name, double) { return Offers{false, name == "nvidia0", true}; };
  Accounting accounting(one_meter_scope(), {}, at(0));
  r.run(accounting, 0, 100);
  const ScopeFigures figures = at_second(accounting, 100);
  CHECK(best_method(figures) == Method::estimated);
  check_minute(r, figures, Method::estimated);
  const double ratio = value(minute(figures), Q::joules_per_flop);
  CHECK(value(minute(figures), Q::joules_per_flop_low) == doctest::Approx(ratio / 2));
  CHECK(value(minute(figures), Q::joules_per_flop_high) == doctest::Approx(ratio * 6));
}

TEST_CASE("no method that all offer: nothing is added up, and the scope's work is not known") {
  Rack r = rack_with(1, 2);
  r.offers = [](const std::string& name, double) { return Offers{name == "nvidia0", name != "nvidia0"}; };
  Accounting accounting(one_meter_scope(), {}, at(0));
  r.run(accounting, 0, 100);
  const ScopeFigures figures = at_second(accounting, 100);
  CHECK(best_method(figures) == Method::none);
  CHECK_FALSE(is_known(work_total(figures)));
  CHECK(value(minute(figures), Q::coverage) == 0);
  CHECK_FALSE(is_known(value(minute(figures), Q::joules_per_flop)));
}

TEST_CASE("a better method is the best once it has covered the window; the other has no gap") {
  Rack r = rack_with(1, 2);
  r.offers = [](const std::string&, double t) { return Offers{t >= 100}; };
  r.counting_since = 99;
  Accounting accounting(one_meter_scope(), {}, at(0));
  r.run(accounting, 0, 100);
  check_minute(r, at_second(accounting, 100), Method::pipe);
  for (int s = 100; s < 200; ++s) {
    r.second(accounting, s);
    const ScopeFigures figures = at_second(accounting, s + 1);
    const ReadingSet& set = minute(figures);
    CHECK(by(Method::pipe, set, Q::coverage) == 1);
    CHECK(is_known(by(Method::pipe, set, Q::joules_per_flop)));
    // 54 of 60 s are nine tenths.
    if (s < 150) {
      check_minute(r, figures, Method::pipe);
      CHECK(missing_by(Method::counted, set) == MissingReason::method);
    }
    if (s > 155) CHECK(best_method(figures) == Method::counted);
    if (s > 161) check_minute(r, figures, Method::counted);
  }
  // The closed ones: to 60 and to 120 pipe, to 180 counted, with pipe beside it.
  REQUIRE(r.closed.size() == 3);
  CHECK(value(r.closed[0], Q::method) == static_cast<double>(Method::pipe));
  CHECK_FALSE(is_known(by(Method::pipe, r.closed[0], Q::joules_per_flop)));  // there is no other
  CHECK(value(r.closed[1], Q::method) == static_cast<double>(Method::pipe));
  CHECK(is_known(value(r.closed[1], Q::joules_per_flop)));
  CHECK(value(r.closed[2], Q::method) == static_cast<double>(Method::counted));
  CHECK(value(r.closed[2], Q::work) == doctest::Approx(r.work_by(Method::counted, 120, 180)));
  CHECK(by(Method::pipe, r.closed[2], Q::work) == doctest::Approx(r.work_by(Method::pipe, 120, 180)));
}

TEST_CASE("each method has totals of its own; a change of the best moves none") {
  Rack r = rack_with(1, 2);
  r.offers = [](const std::string&, double t) { return Offers{t >= 100 && t < 200, true, true}; };
  r.counting_since = 99;
  Totals store;
  {
    Accounting accounting(one_meter_scope(), {}, at(0));
    r.run(accounting, 0, 300);
    store = accounting.take_changed_totals();
  }
  CHECK(total_in(store, "counted") == doctest::Approx(r.work_by(Method::counted, 99, 199)));
  CHECK(total_in(store, "pipe") == doctest::Approx(r.work(0, 299)));
  CHECK(total_in(store, "estimated") == doctest::Approx(r.work_by(Method::estimated, 0, 299)));
  Accounting again(one_meter_scope(), store, at(310));
  CHECK(work_total(again.figures(at(310))[0], Method::pipe) == total_in(store, "pipe"));
  CHECK(work_total(again.figures(at(310))[0], Method::counted) == total_in(store, "counted"));
  r.offers = [](const std::string&, double) { return Offers{true}; };
  r.counting_since = 309;
  r.run(again, 310, 400);
  CHECK(best_method(again.figures(at(400))[0]) == Method::counted);
  CHECK(work_total(again.figures(at(400))[0]) ==
        doctest::Approx(total_in(store, "counted") + r.work_by(Method::counted, 309, 399)));
}

TEST_CASE("a failed sample of the better method is a gap and no change of method") {
  Rack r = rack_with(1, 2);
  r.offers = [](const std::string& name, double t) {
    return Offers{false, name != "nvidia0" || t < 70 || t > 73, true};
  };
  Accounting accounting(one_meter_scope(), {}, at(0));
  r.run(accounting, 0, 100);
  const ScopeFigures figures = at_second(accounting, 100);
  CHECK(best_method(figures) == Method::pipe);
  CHECK(value(minute(figures), Q::coverage) == doctest::Approx(1 - 5.0 / 60));
  CHECK(value(minute(figures), Q::work) == doctest::Approx(r.work(39, 99) * 55 / 60));
  CHECK(is_known(value(minute(figures), Q::joules_per_flop)));
}

TEST_CASE("the first sample without pipes is no method of its own") {
  Rack r = rack_with(1, 2);
  r.offers = [](const std::string&, double t) { return Offers{false, t >= 1, true}; };
  Accounting accounting(one_meter_scope(), {}, at(-10));
  r.run(accounting, 0, 59);
  const ScopeFigures figures = at_second(accounting, 59);
  CHECK(best_method(figures) == Method::pipe);
  CHECK(figures.windows[0].method == Method::pipe);
  CHECK(value(minute(figures), Q::coverage) > 0.9);
  CHECK(is_known(value(minute(figures), Q::joules_per_flop)));
}

TEST_CASE("a training step every seven seconds: J/FLOP errs by no more than it says") {
  Rack r = rack_with(1, 2);
  r.load = sinusoid(5000, 1000, 41);
  r.meters = {meter("pdu-a", {.accuracy = 0, .ct_accuracy = 0})};
  r.lump = 7.3;
  r.offers = [](const std::string&, double) { return Offers{true}; };
  Accounting accounting(settings({scope("r", {"pdu-a"}, Work::all)}, {window("30s", 30), window("5m", 300)}),
                        {}, at(0));
  r.run(accounting, 0, 310);
  int within = 0;
  int all = 0;
  for (int s = 310; s < 900; ++s) {
    r.second(accounting, s);
    const ScopeFigures figures = at_second(accounting, s + 1);
    for (const WindowFigures& one : figures.windows) {
      const double length = static_cast<double>(one.figures.source->interval.count()) * 1e-6;
      const double end = second_of(one.figures);
      const double truth = r.energy(end - length, end) / r.work_by(Method::counted, end - length, end);
      REQUIRE(one.method == Method::counted);
      ++all;
      within +=
          std::abs(value(one.figures, Q::joules_per_flop) / truth - 1) <= value(one.figures, Q::uncertainty);
      // 2 q/sqrt 3 of 30 s, which hold few steps, and 2 q/sqrt 6 of 300 s; a step at its heaviest is 8.6 s of the
      // mean.
      CHECK(value(one.figures, Q::uncertainty) < (length < 100 ? 0.41 : 0.027));
    }
  }
  CHECK(all == 2 * 590);
  CHECK(within >= 0.95 * all);
}

namespace {

// One second of the rack, with what was counted for scopes as a whole.
void second_with_lines(Rack& rack, Accounting& accounting, int s, std::vector<ReadingSet> lines) {
  std::vector<ReadingSet> batch;
  rack.disturb = [&](ReadingSet& set, double) {
    batch.push_back(set);
    return false;
  };
  Accounting unused({}, {}, at(0));
  rack.second(unused, s);
  for (ReadingSet& set : lines) batch.push_back(std::move(set));
  for (ReadingSet& set : accounting.advance(batch, at(s + 0.98))) rack.closed.push_back(std::move(set));
}

}  // namespace

TEST_CASE("lines to a scope count for all its accelerators, and their own on top") {
  Rack r = rack_with(1, 2);
  r.offers = [](const std::string& name, double t) { return Offers{name == "nvidia0" && t >= 150}; };
  r.counting_since = 149;
  Accounting accounting(one_meter_scope(), {}, at(0));
  const SourcePtr source = lines("r");
  for (int s = 0; s < 300; ++s) {
    const double counted = 5e14 * (s - 20);
    second_with_lines(r, accounting, s,
                      s > 20 ? std::vector{lines_set(source, s + 0.97, counted)} : std::vector<ReadingSet>{});
    if (s > 1 && s < 60) CHECK(best_method(at_second(accounting, s + 1)) == Method::pipe);
    if (s >= 80) CHECK(best_method(at_second(accounting, s + 1)) == Method::counted);
    // From its first line on, that one included.
    if (s == 21) CHECK(work_total(at_second(accounting, s + 1), Method::counted) == 5e14);
    // What nvidia0 began to count in the middle of the window was covered by the scope's lines before.
    if (s == 170) CHECK(value(minute(at_second(accounting, s + 1)), Q::coverage) == 1);
    if (s == 120) {
      const ScopeFigures figures = at_second(accounting, s + 1);
      CHECK(value(minute(figures), Q::coverage) == 1);
      CHECK(value(minute(figures), Q::work) == doctest::Approx(60 * 5e14));
    }
  }
  const ScopeFigures figures = at_second(accounting, 300);
  CHECK(best_method(figures) == Method::counted);
  CHECK(value(minute(figures), Q::coverage) == 1);
  CHECK(value(minute(figures), Q::work) ==
        doctest::Approx(60 * 5e14 + r.work_by(Method::counted, 239, 299) / 2));
  CHECK(work_total(figures) == doctest::Approx(279 * 5e14 + r.work_by(Method::counted, 149, 299) / 2));
}

TEST_CASE("when lines to a scope are not offered any more the next best method takes over") {
  for (const bool is_said : {true, false}) {
    Rack r = rack_with(1, 2);
    Accounting accounting(one_meter_scope(), {}, at(0));
    const SourcePtr source = lines("r");
    for (int s = 0; s < 100; ++s) {
      std::vector<ReadingSet> told;
      if (s > 0 && s < 50) told.push_back(lines_set(source, s + 0.97, 5e14 * s));
      if (s == 50 && is_said) told.push_back(lines_set(source, s + 0.97, absent));
      second_with_lines(r, accounting, s, told);
    }
    const ScopeFigures figures = at_second(accounting, 100);
    CHECK(best_method(figures) == Method::pipe);
    for (int s = 100; s < 180; ++s) second_with_lines(r, accounting, s, {});
    check_minute(r, at_second(accounting, 180), Method::pipe);
  }
}

TEST_CASE("a scope without accelerators can do counted work") {
  Rack r = rack_with(1, 2);
  r.gpus.clear();
  Accounting accounting(settings({scope("r", {"pdu-a"}, Work::none)}, {window("1m", 60)}), {}, at(0));
  const SourcePtr source = lines("r");
  for (int s = 0; s < 100; ++s) second_with_lines(r, accounting, s, {lines_set(source, s + 0.97, 5e14 * s)});
  const ScopeFigures figures = at_second(accounting, 100);
  CHECK(best_method(figures) == Method::counted);
  CHECK(value(minute(figures), Q::coverage) == 1);
  CHECK(value(minute(figures), Q::joules_per_flop) == doctest::Approx(5000 / 5e14));
}
