// Work that workloads tell by lines, beside what the hardware tells: which method is the best of a window.
#include <doctest/doctest.h>

#include "agent/daemon/work_columns.h"
#include "tests/unit/agent/accounting/rack.h"

namespace flopwatt::accounting::model {
namespace {

using Work = ScopeConfig::Work;

double by(Method method, const ReadingSet& set, Quantity quantity) {
  return set.values.at(*set.source->index_of({quantity, place_of(method)}));
}

// A rack whose sets pass through the columns of lines, as in the agent.
struct Lines {
  Rack rack = rack_with(1, 1);
  std::vector<ScopeConfig> scopes{scope("r", {"pdu-a"}, Work::all)};
  daemon::WorkColumns columns{scopes};
  Accounting accounting{settings(scopes, {window("1m", 60), window("15m", 900)}), {}, at(0)};
  double busy_until = 1e9;
  std::optional<std::int64_t> last_us;

  Lines() {
    // Its description says whether it is busy, and lines come from outside.
    auto source = std::make_shared<Source>(*rack.gpus[0]);
    source->fields.back() = {{Q::utilization}};
    busy_source = source;
  }
  SourcePtr busy_source;

  void line(double t, WorkKind kind = WorkKind::hardware, double flop = 5e14 * 10) {
    const auto target = columns.find_accelerator("nvidia0");
    REQUIRE(target);
    columns.count(*target, {kind, Place::bf16, flop, last_us, us(t)});
    last_us = us(t);
  }

  void second(
      int s, const std::function<void()>& between = [] {}) {
    std::vector<ReadingSet> batch;
    rack.disturb = [&](ReadingSet& set, double t) {
      if (set.source->kind == SourceKind::accelerator) {
        set.source = busy_source;
        set.values.back() = t < busy_until ? 1 : 0;
        columns.describe(0, set.source);
        between();
        columns.complete(0, set);
      }
      batch.push_back(set);
      return false;
    };
    Accounting unused({}, {}, at(0));
    rack.second(unused, s);
    for (ReadingSet& set : accounting.advance(batch, at(s + 0.98))) rack.closed.push_back(std::move(set));
  }
  ScopeFigures figures(int s) const { return accounting.figures(at(s + 0.99))[0]; }
};

}  // namespace

TEST_CASE("one stray line: pipe has no gap and stays the best") {
  Lines test;
  for (int s = 0; s < 1200; ++s) {
    test.second(s, [&] {
      if (s == 300) test.line(300);
    });
    if (s < 61) continue;
    const ScopeFigures figures = test.figures(s);
    for (const WindowFigures& one : figures.windows) CHECK(one.method == Method::pipe);
    CHECK(is_known(by(Method::pipe, minute(figures), Q::joules_per_flop)));
    CHECK(by(Method::pipe, minute(figures), Q::coverage) == 1);
    if (s < 301) continue;
    CHECK(work_total(figures, Method::counted) == 5e15);
    // It says why the method that was tried has no figure.
    CHECK(by(Method::counted, minute(figures), Q::missing) == static_cast<double>(MissingReason::method));
  }
  for (const ReadingSet& set : test.rack.closed)
    CHECK(value(set, Q::method) == static_cast<double>(Method::pipe));
}

TEST_CASE(
    "a job that counts for ten minutes is the best of a minute after its first, of a quarter hour never") {
  Lines test;
  for (int s = 0; s < 2400; ++s) {
    test.second(s, [&] {
      if (s >= 1000 && s <= 1600 && s % 10 == 0) test.line(s);
    });
    if (s < 910) continue;
    const ScopeFigures figures = test.figures(s);
    REQUIRE(figures.windows.size() == 2);
    CAPTURE(s);
    CHECK(figures.windows[1].method == Method::pipe);
    if (s < 1050 || s > 1690) CHECK(figures.windows[0].method == Method::pipe);
    if (s > 1070 && s < 1600) {
      CHECK(figures.windows[0].method == Method::counted);
      // Running totals are interpolated at the edges of the window.
      CHECK(by(Method::counted, minute(figures), Q::work) == doctest::Approx(60 * 5e14));
      CHECK(by(Method::counted, minute(figures), Q::coverage) == 1);
    }
    CHECK(is_known(by(Method::pipe, minute(figures), Q::joules_per_flop)));
  }
}

TEST_CASE("an idle accelerator has done no work by every method") {
  Lines test;
  test.busy_until = 200.5;
  for (int s = 0; s < 400; ++s) {
    test.second(s, [&] {
      if (s >= 100 && s <= 200 && s % 10 == 0) test.line(s);
    });
    // The last line came at 200; idle since then, and all of the time is known.
    const ScopeFigures figures = test.figures(s);
    if (s > 170 && s < 250) CHECK(best_method(figures) == Method::counted);
    if (s > 170) CHECK(by(Method::counted, minute(figures), Q::coverage) > 0.98);
    // Nobody told anything of the minute any more.
    if (s > 270) CHECK(best_method(figures) == Method::pipe);
  }
  const ReadingSet& running = test.figures(399).figures;
  const auto total = [&](Quantity quantity) { return by(Method::counted, running, quantity); };
  CHECK(total(Q::work) == doctest::Approx(11 * 5e15));
  // From the second after which the second line came, to the end: busy for 91 s, then idle.
  CHECK(total(Q::covered_work) == doctest::Approx(9.1 * 5e15));
  CHECK(total(Q::covered_energy) == doctest::Approx(test.rack.energy(109, 399)).epsilon(0.01));
}

TEST_CASE("what the model needs is a method of its own, behind pipe, and never added to counted work") {
  Lines test;
  for (int s = 0; s < 200; ++s)
    test.second(s, [&] {
      if (s % 10 == 0) test.line(s, WorkKind::model);
    });
  const ScopeFigures figures = test.figures(199);
  CHECK(figures.windows[0].method == Method::pipe);
  CHECK(by(Method::model, minute(figures), Q::work) == doctest::Approx(60 * 5e14));
  CHECK(is_known(by(Method::model, minute(figures), Q::joules_per_flop)));
  CHECK_FALSE(is_known(work_total(figures, Method::counted)));
  CHECK(work_total(figures, Method::model) == doctest::Approx(20 * 5e15));
}

}  // namespace flopwatt::accounting::model
