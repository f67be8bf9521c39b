#include "agent/daemon/work_columns.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace flopwatt;
using namespace flopwatt::daemon;
using namespace std::chrono_literals;

namespace {

constexpr double peak = 1e15;
constexpr std::int64_t second_us = 1'000'000;

struct Reading {
  double utilization = 1, pipe = absent, estimate = absent;
};

/// A device with utilization, one pipe, work by both methods of the driver, and a peak.
SourcePtr accelerator(const std::string& name) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::accelerator;
  source->name = name;
  source->identity.uuid = "GPU-" + name;
  source->identity.pci = "0000:41:00.0";
  source->interval = source->effective_period = 1s;
  source->fields = {{{Quantity::utilization}, Wire::u8, 0.01},
                    {{Quantity::pipe_active, Place::hmma}, Wire::f32},
                    {{Quantity::pipe_work}, Wire::f64},
                    {{Quantity::estimated_work}, Wire::f64},
                    {{Quantity::peak_rate, Place::fp64}, Wire::u32},
                    {{Quantity::peak_rate, Place::bf16}, Wire::u32}};
  return source;
}

ScopeConfig scope(const std::string& name, std::vector<std::string> work,
                  std::vector<std::string> contains = {}) {
  ScopeConfig config;
  config.name = name;
  config.work = work.empty() ? ScopeConfig::Work::none : ScopeConfig::Work::listed;
  config.work_patterns = std::move(work);
  config.contains = std::move(contains);
  return config;
}

Moment at_second(std::int64_t second) { return {second * second_us, second * second_us}; }

/// Two accelerators: nvidia0 in server, nvidia1 in rack, which contains server.
struct Bench {
  Bench() {
    for (SourceId id : {0U, 1U}) columns.describe(id, sources[id]);
  }
  ReadingSet read(std::int64_t second, const Reading& reading = {}, SourceId id = 0) {
    ReadingSet set{.source = sources[id], .time = at_second(second), .values = {}};
    set.values = {reading.utilization, 0, reading.pipe, reading.estimate, peak / 2, peak};
    columns.complete(id, set);
    return set;
  }
  /// Reads each second, from..until.
  void read_each_second(std::int64_t from, std::int64_t until, const Reading& reading = {}) {
    for (std::int64_t second = from; second <= until; ++second) read(second, reading);
  }
  /// A line of a sender that has sent none before.
  void count(double flop, Place precision = Place::bf16, std::string_view who = "nvidia0") {
    columns.count(*columns.find_accelerator(who), {.precision = precision, .flop = flop, .now_us = 1});
  }
  void count_for(std::string_view scope_name, double flop, Place precision = Place::bf16) {
    columns.count(*columns.find_scope(scope_name), {.precision = precision, .flop = flop, .now_us = 1});
  }
  /// A line at that second of the one sender that sends each ten.
  void line(std::int64_t second, double flop) {
    const auto since_us = second > 10 ? std::optional(at_second(second - 10).monotonic_us) : std::nullopt;
    columns.count(*columns.find_accelerator("nvidia0"), {.precision = Place::bf16,
                                                         .flop = flop,
                                                         .since_us = since_us,
                                                         .now_us = at_second(second).monotonic_us});
  }
  std::vector<ReadingSet> scope_sets(std::int64_t second) {
    std::vector<ReadingSet> sets;
    columns.append_scope_sets(at_second(second), sets);
    return sets;
  }

  WorkColumns columns{
      {scope("server", {"nvidia0"}), scope("rack", {"nvidia1"}, {"server"}), scope("empty", {})}};
  std::array<SourcePtr, 2> sources = {accelerator("nvidia0"), accelerator("nvidia1")};
};

double value(const ReadingSet& set, Quantity quantity, Place place = Place::whole) {
  REQUIRE(set.values.size() == set.source->fields.size());
  const auto index = set.source->index_of({.quantity = quantity, .place = place});
  return index ? set.values[*index] : absent;
}
double counted(const ReadingSet& set, Place place = Place::whole) {
  return value(set, Quantity::counted_work, place);
}
Method method(const ReadingSet& set) {
  const double number = value(set, Quantity::method);
  return is_known(number) ? static_cast<Method>(static_cast<int>(number)) : Method::none;
}

}  // namespace

TEST_CASE("an accelerator is found by name, uuid in any case, and PCI address in any form") {
  Bench bench;
  for (const char* who : {"nvidia0", "GPU-nvidia0", "gpu-NVIDIA0", "0000:41:00.0", "00000000:41:00.0"}) {
    CAPTURE(who);
    const auto found = bench.columns.find_accelerator(who);
    REQUIRE(found);
    CHECK(found->id == 0);
    CHECK_FALSE(found->is_scope);
  }
  for (const char* who : {"", "nvidia", "nvidia2", "server"})
    CHECK_FALSE(bench.columns.find_accelerator(who));
  bench.columns.remove(0);
  CHECK_FALSE(bench.columns.find_accelerator("nvidia0"));
}

TEST_CASE("the peak of an accelerator is its highest, that of a scope the sum of all within it") {
  constexpr double unknown = accounting::possible_flop_per_second;
  Bench bench;
  CHECK(bench.columns.find_accelerator("nvidia0")->peak_rate == unknown);
  CHECK(bench.columns.find_scope("rack")->peak_rate == 2 * unknown);
  bench.read(1);
  CHECK(bench.columns.find_accelerator("nvidia0")->peak_rate == peak);
  CHECK(bench.columns.find_scope("server")->peak_rate == peak);
  CHECK(bench.columns.find_scope("rack")->peak_rate == peak + unknown);  // nvidia1 has not told its own
  bench.read(1, {}, 1);
  CHECK(bench.columns.find_scope("rack")->peak_rate == 2 * peak);
  CHECK(bench.columns.find_scope("empty")->peak_rate == unknown);
  ReadingSet untold{
      .source = bench.sources[0], .time = at_second(2), .values = {1, 0, absent, absent, absent, absent}};
  bench.columns.complete(0, untold);
  CHECK(bench.columns.find_accelerator("nvidia0")->peak_rate == unknown);
  CHECK(bench.columns.find_scope("rack")->peak_rate == peak + unknown);
  CHECK_FALSE(bench.columns.find_scope("nvidia0"));
}

TEST_CASE("counted work becomes columns, a precision when it is first seen") {
  Bench bench;
  const SourcePtr before = bench.read(1).source;
  CHECK_FALSE(before->index_of({.quantity = Quantity::counted_work}));
  bench.count(10);
  const ReadingSet first = bench.read(2);
  CHECK(counted(first, Place::bf16) == 10);
  CHECK(counted(first) == 10);
  CHECK(bench.read(3).source == first.source);  // one description for all sets
  bench.count(5, Place::fp8);
  const ReadingSet second = bench.read(4);
  CHECK(second.source != first.source);
  CHECK(counted(second, Place::bf16) == 10);
  CHECK(counted(second, Place::fp8) == 5);
  CHECK(counted(second) == 15);
  CHECK(value(second, Quantity::utilization) == 1);
}

TEST_CASE("what a model needs is no work of the hardware") {
  Bench bench;
  bench.count(10);
  bench.columns.count(*bench.columns.find_accelerator("nvidia0"),
                      {.kind = WorkKind::model, .precision = Place::bf16, .flop = 7, .now_us = 1});
  bench.columns.count(*bench.columns.find_scope("rack"),
                      {.kind = WorkKind::model, .precision = Place::bf16, .flop = 7, .now_us = 1});
  const ReadingSet set = bench.read(2);
  CHECK(counted(set) == 10);
  CHECK(value(set, Quantity::model_work) == 7);
  const auto sets = bench.scope_sets(2);
  REQUIRE(sets.size() == 1);
  CHECK_FALSE(is_known(counted(sets[0])));
  CHECK(value(sets[0], Quantity::model_work) == 7);
}

TEST_CASE("small lines are not lost in a large total") {
  Bench bench;
  bench.count(1e23);
  for (int i = 0; i < 1000; ++i) bench.count(1e6);
  CHECK(counted(bench.read(1)) == 1e23 + 1e9);
}

TEST_CASE("absurd work leaves a total that goes on") {
  Bench bench;
  bench.count(1);
  for (int i = 0; i < 3; ++i) bench.count(1.7e308);
  const double total = counted(bench.read(1));
  CHECK(std::isfinite(total));
  bench.count(1e300);
  CHECK(counted(bench.read(2)) > total);
}

TEST_CASE("the method is the best that is offered: counted, then pipe, then estimated") {
  Bench bench;
  CHECK(method(bench.read(1)) == Method::none);
  CHECK_FALSE(is_known(value(bench.read(2), Quantity::work)));
  const ReadingSet estimated = bench.read(3, {.estimate = 7});
  CHECK(method(estimated) == Method::estimated);
  CHECK(value(estimated, Quantity::work) == 7);
  const ReadingSet pipe = bench.read(4, {.pipe = 5, .estimate = 8});
  CHECK(method(pipe) == Method::pipe);
  CHECK(value(pipe, Quantity::work) == 5);
  bench.line(10, 3);
  // One line tells over no time what was done.
  CHECK(method(bench.read(11, {.pipe = 6, .estimate = 9})) == Method::pipe);
  bench.line(20, 0);
  const ReadingSet by_lines = bench.read(21, {.pipe = 6, .estimate = 9});
  CHECK(method(by_lines) == Method::counted);
  CHECK(value(by_lines, Quantity::work) == 3);
}

TEST_CASE("pipes that miss a sample are still the method; those that fell silent are not") {
  Bench bench;
  bench.read(1, {.pipe = 5, .estimate = 5});
  const ReadingSet gap = bench.read(2, {.estimate = 6});
  CHECK(method(gap) == Method::none);
  CHECK_FALSE(is_known(value(gap, Quantity::work)));
  CHECK(method(bench.read(6, {.estimate = 6})) == Method::none);
  CHECK(method(bench.read(7, {.estimate = 6})) == Method::estimated);
}

TEST_CASE("what was told, and by when: from the first line of a sender to its last") {
  Bench bench;
  bench.line(10, 100);
  const ReadingSet one = bench.read(12);
  CHECK_FALSE(is_known(value(one, Quantity::counted_work_told)));
  CHECK(value(one, Quantity::counted_work_age) == 2);
  bench.line(20, 100);
  bench.line(30, 50);
  const ReadingSet three = bench.read(33);
  CHECK(counted(three) == 250);
  // Of the first line is not known when it was done.
  CHECK(value(three, Quantity::counted_work_told) == 150);
  CHECK(value(three, Quantity::counted_work_age) == 3);
  // It is waited for as long as three of its intervals.
  CHECK(value(bench.read(60), Quantity::counted_work_told) == 150);
  const ReadingSet silent = bench.read(61, {.pipe = 3});
  CHECK_FALSE(is_known(value(silent, Quantity::counted_work_told)));
  CHECK(counted(silent) == 250);
  CHECK(method(silent) == Method::pipe);
}

TEST_CASE("lines for a scope become its own sets, by precision and whole, while anything is known") {
  Bench bench;
  CHECK(bench.scope_sets(1).empty());
  bench.count_for("server", 0);
  bench.count_for("server", 30, Place::fp8);
  const auto first = bench.scope_sets(2);
  REQUIRE(first.size() == 1);
  CHECK(first[0].source->kind == SourceKind::work);
  CHECK(first[0].source->name == "server");
  CHECK(first[0].time == at_second(2));
  CHECK(counted(first[0], Place::bf16) == 0);
  CHECK(counted(first[0], Place::fp8) == 30);
  CHECK(counted(first[0]) == 30);
  CHECK(bench.scope_sets(2).empty());
  bench.count_for("server", 1);
  CHECK(counted(bench.scope_sets(2).at(0)) == 31);  // nothing waits
  const auto next = bench.scope_sets(3);
  REQUIRE(next.size() == 1);  // stands still, and is known
  CHECK(next[0].source == first[0].source);
}

TEST_CASE("a scope that nobody tells of any more falls silent") {
  Bench bench;
  bench.count_for("rack", 5);
  CHECK(bench.scope_sets(1).size() == 1);
  CHECK(counted(bench.scope_sets(300).at(0)) == 5);
  CHECK(bench.scope_sets(320).empty());
}

TEST_CASE("after a reload scopes that stay keep their counts, those that went are no target") {
  Bench bench;
  bench.count_for("server", 5);
  bench.count_for("rack", 7);
  bench.columns.set_scopes({scope("room", {}, {"rack"}), scope("rack", {"nvidia*"})});
  CHECK_FALSE(bench.columns.find_scope("server"));
  const auto sets = bench.scope_sets(1);
  REQUIRE(sets.size() == 1);
  CHECK(sets[0].source->name == "rack");
  CHECK(counted(sets[0]) == 7);
  bench.read(1);
  bench.read(1, {}, 1);
  CHECK(bench.columns.find_scope("rack")->peak_rate == 2 * peak);
  CHECK(bench.columns.find_scope("room")->peak_rate == 2 * peak);
}

TEST_CASE("an accelerator that is read anew after a reload goes on counting where it was") {
  Bench bench;
  bench.count(5);
  bench.columns.remove(0);
  const SourcePtr anew = bench.columns.describe(7, accelerator("nvidia0"));
  CHECK(anew->index_of({.quantity = Quantity::counted_work, .place = Place::bf16}));
  CHECK(bench.columns.find_accelerator("nvidia0")->id == 7);
  bench.count(2);
  ReadingSet set{
      .source = bench.sources[0], .time = at_second(1), .values = {0, 0, absent, absent, peak, peak}};
  bench.columns.complete(7, set);
  CHECK(counted(set) == 7);
}

TEST_CASE("a meter's set passes as it is") {
  Bench bench;
  auto meter = std::make_shared<Source>();
  meter->kind = SourceKind::meter;
  meter->fields = {{{Quantity::active_power}, Wire::f32}};
  CHECK(bench.columns.describe(2, meter) == meter);
  ReadingSet set{.source = meter, .time = at_second(1), .values = {5}};
  bench.columns.complete(2, set);
  CHECK(set.source == meter);
  CHECK(set.values == std::vector<double>{5});
}
