#include "agent/daemon/intake.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::daemon;
using namespace std::chrono_literals;

namespace {

SourcePtr meter(const char* name) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::meter;
  source->name = name;
  source->interval = source->effective_period = 1s;
  source->fields = {{{Quantity::active_power}, Wire::f32, 1, 0}};
  return source;
}

ReadingSet reading(const SourcePtr& source, std::int64_t seconds, double watts) {
  ReadingSet set;
  set.source = source;
  set.time = {1'700'000'000'000'000 + seconds * 1'000'000, seconds * 1'000'000};
  set.values = {watts};
  return set;
}

Moment at(std::int64_t seconds) { return {1'700'000'000'000'000 + seconds * 1'000'000, seconds * 1'000'000}; }

}  // namespace

TEST_CASE("a source is stale after max(3 x period, 5 s) without a good reading, and says so once") {
  ReadingIntake intake;
  const auto source = meter("pdu-a");
  const SourceId id = intake.add(source);
  CHECK(intake.update_status(at(99)));  // it exists
  CHECK_FALSE(intake.status().front().known);
  intake.accept(id, reading(source, 100, 5000), 0us, 10ms);
  CHECK(intake.update_status(at(100)));
  CHECK(intake.status().front().up);
  CHECK_FALSE(intake.update_status(at(105)));
  CHECK_FALSE(intake.states(at(105)).front().stale);
  intake.fail(id, {FaultClass::timeout, "no answer", 0}, 0us, 1s);
  CHECK(intake.update_status(at(106)));
  CHECK_FALSE(intake.status().front().up);
  CHECK(intake.status().front().fault == FaultClass::timeout);
  CHECK(intake.states(at(106)).front().stale);
  CHECK_FALSE(intake.update_status(at(107)));
  intake.accept(id, reading(source, 108, 5000), 0us, 10ms);
  CHECK(intake.update_status(at(108)));
  CHECK(intake.status().front().up);
  CHECK(intake.status().front().since_wall_us == at(108).wall_us);
}

TEST_CASE("a source that fails at its first poll is down at once") {
  ReadingIntake intake;
  const SourceId id = intake.add(meter("pdu-a"));
  intake.fail(id, {FaultClass::connection, "refused", 0}, 0us, 1ms);
  CHECK(intake.update_status(at(1)));
  CHECK(intake.status().front().known);
  CHECK_FALSE(intake.status().front().up);
  CHECK(intake.status().front().fault == FaultClass::connection);
}

TEST_CASE("polls, failures by class and skipped beats are counted apart") {
  ReadingIntake intake;
  const auto source = meter("pdu-a");
  const SourceId id = intake.add(source);
  CHECK_FALSE(intake.all_polled());
  intake.accept(id, reading(source, 1, 1), 2ms, 10ms);
  intake.fail(id, {FaultClass::exception, "code 2", 2}, 0us, 1ms);
  intake.skip(id, 3);
  const SourceState state = intake.states(at(1)).front();
  CHECK(intake.all_polled());
  CHECK(state.polls == 2);
  CHECK(state.skipped == 3);
  FaultCounts one_exception;
  one_exception.add(FaultClass::exception);
  CHECK(state.failures == one_exception);
  CHECK(state.last_fault == "code 2");
  CHECK(intake.poll_duration().sum == doctest::Approx(0.011));
}

TEST_CASE("a batch is handed out once, in the order of arrival") {
  ReadingIntake intake;
  const auto a = meter("a"), b = meter("b");
  const SourceId ida = intake.add(a), idb = intake.add(b);
  intake.accept(idb, reading(b, 1, 1), 0us, 1ms);
  intake.accept(ida, reading(a, 1, 2), 0us, 1ms);
  const auto batch = intake.take_batch(at(1));
  REQUIRE(batch.size() == 2);
  CHECK(batch[0].source == b);
  CHECK(batch[1].source == a);
  CHECK(intake.take_batch(at(1)).empty());
}

TEST_CASE("a duration on a bound counts below it, as Prometheus' le says") {
  Histogram histogram({0.001, 0.01});
  histogram.observe(1ms);
  histogram.observe(2ms);
  histogram.observe(1s);
  CHECK(histogram.state().counts == std::vector<std::uint64_t>{1, 1, 1});
}

TEST_CASE("an accelerator's sets, its newest one and its description have the work that was counted for it") {
  ReadingIntake intake;
  auto gpu = std::make_shared<Source>(*meter("nvidia0"));
  gpu->kind = SourceKind::accelerator;
  gpu->fields = {{{Quantity::power}, Wire::u32}};
  const SourceId id = intake.add(gpu);
  const auto target = intake.work().find_accelerator("nvidia0");
  REQUIRE(target);
  intake.work().count(*target, {.precision = Place::bf16, .flop = 1e15, .now_us = 1});
  CHECK(intake.update_status(at(0)));
  intake.accept(id, reading(gpu, 1, 400), 0us, 1ms);
  CHECK(intake.update_status(at(1)));  // described anew, with the precision
  const auto batch = intake.take_batch(at(1));
  REQUIRE(batch.size() == 1);
  const auto column = batch[0].source->index_of({.quantity = Quantity::counted_work, .place = Place::bf16});
  REQUIRE(column);
  CHECK(batch[0].values.at(*column) == 1e15);
  const SourceState state = intake.states(at(1)).front();
  CHECK(state.newest->values.size() == batch[0].values.size());
  CHECK(state.source == batch[0].source);
  CHECK(intake.status().front().source == batch[0].source);
}

TEST_CASE("what is counted for a scope comes with the batch and is no source that is polled") {
  ScopeConfig rack;
  rack.name = "rack";
  ReadingIntake intake({rack});
  intake.work().count(*intake.work().find_scope("rack"), {.precision = Place::fp8, .flop = 5, .now_us = 1});
  const auto batch = intake.take_batch(at(1));
  REQUIRE(batch.size() == 1);
  CHECK(batch[0].source->kind == SourceKind::work);
  CHECK(intake.states(at(1)).empty());
  CHECK(intake.all_polled());
}

TEST_CASE("states carry the numbers by which drivers name their sources, also after one was removed") {
  ReadingIntake intake;
  const SourceId first = intake.add(meter("pdu-a"));
  const SourceId second = intake.add(meter("pdu-b"));
  intake.remove(first);
  const std::vector<SourceState> states = intake.states(at(1));
  REQUIRE(states.size() == 1);
  CHECK(states[0].id == second);
  CHECK(states[0].source->name == "pdu-b");
}

TEST_CASE("a removed source is gone when it would be stale, if none of its name has come by then") {
  ReadingIntake intake;
  const auto pdu_a = meter("pdu-a"), pdu_b = meter("pdu-b"), never = meter("never");
  const SourceId a = intake.add(pdu_a), b = intake.add(pdu_b), c = intake.add(never);
  intake.accept(a, reading(pdu_a, 100, 5000), 0us, 1ms);
  intake.accept(b, reading(pdu_b, 100, 5000), 0us, 1ms);
  for (const SourceId id : {a, b, c}) intake.remove(id);
  CHECK(intake.take_gone(at(101)) == std::vector<std::string>{"never"});
  CHECK(intake.take_gone(at(105)).empty());
  intake.add(meter("pdu-b"));
  CHECK(intake.take_gone(at(106)) == std::vector<std::string>{"pdu-a"});
  CHECK(intake.take_gone(at(107)).empty());
}
