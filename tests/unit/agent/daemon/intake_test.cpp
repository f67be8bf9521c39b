#include "agent/daemon/intake.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::agent;
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
  Hub hub;
  const auto source = meter("pdu-a");
  const SourceId id = hub.add(source);
  CHECK(hub.update_status(at(99)));  // it exists
  CHECK_FALSE(hub.status().front().known);
  hub.accept(id, reading(source, 100, 5000), 0us, 10ms);
  CHECK(hub.update_status(at(100)));
  CHECK(hub.status().front().up);
  CHECK_FALSE(hub.update_status(at(105)));
  CHECK_FALSE(hub.states(at(105)).front().stale);
  hub.fail(id, {FaultClass::timeout, "no answer", 0}, 0us, 1s);
  CHECK(hub.update_status(at(106)));
  CHECK_FALSE(hub.status().front().up);
  CHECK(hub.status().front().fault == FaultClass::timeout);
  CHECK(hub.states(at(106)).front().stale);
  CHECK_FALSE(hub.update_status(at(107)));
  hub.accept(id, reading(source, 108, 5000), 0us, 10ms);
  CHECK(hub.update_status(at(108)));
  CHECK(hub.status().front().up);
  CHECK(hub.status().front().since_wall_us == at(108).wall_us);
}

TEST_CASE("a source that fails at its first poll is down at once") {
  Hub hub;
  const SourceId id = hub.add(meter("pdu-a"));
  hub.fail(id, {FaultClass::connection, "refused", 0}, 0us, 1ms);
  CHECK(hub.update_status(at(1)));
  CHECK(hub.status().front().known);
  CHECK_FALSE(hub.status().front().up);
  CHECK(hub.status().front().fault == FaultClass::connection);
}

TEST_CASE("polls, failures by class and skipped beats are counted apart") {
  Hub hub;
  const auto source = meter("pdu-a");
  const SourceId id = hub.add(source);
  CHECK_FALSE(hub.all_polled());
  hub.accept(id, reading(source, 1, 1), 2ms, 10ms);
  hub.fail(id, {FaultClass::exception, "code 2", 2}, 0us, 1ms);
  hub.skip(id, 3);
  const SourceState state = hub.states(at(1)).front();
  CHECK(hub.all_polled());
  CHECK(state.polls == 2);
  CHECK(state.skipped == 3);
  CHECK(state.failures == std::array<std::uint64_t, 6>{0, 0, 1, 0, 0, 0});
  CHECK(state.last_fault == "code 2");
  CHECK(hub.poll_duration().sum == doctest::Approx(0.011));
}

TEST_CASE("a batch is handed out once, in the order of arrival") {
  Hub hub;
  const auto a = meter("a"), b = meter("b");
  const SourceId ida = hub.add(a), idb = hub.add(b);
  hub.accept(idb, reading(b, 1, 1), 0us, 1ms);
  hub.accept(ida, reading(a, 1, 2), 0us, 1ms);
  const auto batch = hub.take_batch(at(1));
  REQUIRE(batch.size() == 2);
  CHECK(batch[0].source == b);
  CHECK(batch[1].source == a);
  CHECK(hub.take_batch(at(1)).empty());
}

TEST_CASE("a duration on a bound counts below it, as Prometheus' le says") {
  Histogram histogram({0.001, 0.01});
  histogram.observe(1ms);
  histogram.observe(2ms);
  histogram.observe(1s);
  CHECK(histogram.state().counts == std::vector<std::uint64_t>{1, 1, 1});
}

TEST_CASE("an accelerator's sets, its newest one and its description have the work that was counted for it") {
  Hub hub;
  auto gpu = std::make_shared<Source>(*meter("nvidia0"));
  gpu->kind = SourceKind::accelerator;
  gpu->fields = {{{Quantity::power}, Wire::u32}};
  const SourceId id = hub.add(gpu);
  const auto target = hub.work().find_accelerator("nvidia0");
  REQUIRE(target);
  hub.work().count(*target, Place::bf16, 1e15);
  CHECK(hub.update_status(at(0)));
  hub.accept(id, reading(gpu, 1, 400), 0us, 1ms);
  CHECK(hub.update_status(at(1)));  // described anew, with the precision
  const auto batch = hub.take_batch(at(1));
  REQUIRE(batch.size() == 1);
  const auto column = batch[0].source->index_of({.quantity = Quantity::counted_work, .place = Place::bf16});
  REQUIRE(column);
  CHECK(batch[0].values.at(*column) == 1e15);
  const SourceState state = hub.states(at(1)).front();
  CHECK(state.newest->values.size() == batch[0].values.size());
  CHECK(state.source == batch[0].source);
  CHECK(hub.status().front().source == batch[0].source);
}

TEST_CASE("what is counted for a scope comes with the batch and is no source that is polled") {
  ScopeConfig rack;
  rack.name = "rack";
  Hub hub({rack});
  hub.work().count(*hub.work().find_scope("rack"), Place::fp8, 5);
  const auto batch = hub.take_batch(at(1));
  REQUIRE(batch.size() == 1);
  CHECK(batch[0].source->kind == SourceKind::work);
  CHECK(hub.states(at(1)).empty());
  CHECK(hub.all_polled());
}

TEST_CASE("states carry the numbers by which drivers name their sources, also after one was removed") {
  Hub hub;
  const SourceId first = hub.add(meter("pdu-a"));
  const SourceId second = hub.add(meter("pdu-b"));
  hub.remove(first);
  Snapshot snapshot;
  snapshot.sources = hub.states(at(1));
  REQUIRE(snapshot.find_source(second) != nullptr);
  CHECK(snapshot.find_source(second)->source->name == "pdu-b");
  CHECK(snapshot.find_source(first) == nullptr);
  CHECK(snapshot.find_source(second + 1) == nullptr);
}

TEST_CASE("a removed source is gone when it would be stale, if none of its name has come by then") {
  Hub hub;
  const auto pdu_a = meter("pdu-a"), pdu_b = meter("pdu-b"), never = meter("never");
  const SourceId a = hub.add(pdu_a), b = hub.add(pdu_b), c = hub.add(never);
  hub.accept(a, reading(pdu_a, 100, 5000), 0us, 1ms);
  hub.accept(b, reading(pdu_b, 100, 5000), 0us, 1ms);
  for (const SourceId id : {a, b, c}) hub.remove(id);
  CHECK(hub.take_gone(at(101)) == std::vector<std::string>{"never"});
  CHECK(hub.take_gone(at(105)).empty());
  hub.add(meter("pdu-b"));
  CHECK(hub.take_gone(at(106)) == std::vector<std::string>{"pdu-a"});
  CHECK(hub.take_gone(at(107)).empty());
}
