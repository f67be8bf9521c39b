#include "agent/daemon/delivery_record.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::daemon;
using store::Span;

namespace {

SourcePtr source_of_record(const std::string& name) {
  Source source;
  source.name = name;
  return std::make_shared<const Source>(source);
}

/// Sets first..last of two readings each, in turn of the sources a and b; even ones are of a.
StoredBatch batch(std::uint64_t first, std::uint64_t last) {
  static const SourcePtr a = source_of_record("a"), b = source_of_record("b");
  std::vector<StoredSet> sets;
  for (std::uint64_t seq = first; seq <= last; ++seq) {
    ReadingSet set;
    set.source = seq % 2 == 0 ? a : b;
    set.values = {1.0, 2.0, absent};
    sets.push_back({seq, set});
  }
  return std::make_shared<const std::vector<StoredSet>>(std::move(sets));
}

DeliveryRecord record_with(std::uint64_t low, std::uint64_t stored_sets) {
  DeliveryRecord record({store::DeliveryMarks(low), 0, 0}, 0);
  static_cast<void>(record.begin_commit());
  record.end_commit(2 * stored_sets, {}, 0);
  return record;
}

void acknowledge(DeliveryRecord& record, StoredBatch sets) {
  std::vector<Fate> fates(sets->size(), Fate::delivered);
  record.settle(std::move(sets), std::move(fates));
}

const store::HeldSource held_a{SourceKind{}, "a"}, held_b{SourceKind{}, "b"};

std::uint64_t sum_of(const DeliveryRecord& record) {
  return record.delivered() + record.dropped() + record.left_out() + record.set_aside() + record.backlog();
}

void save(DeliveryRecord& record) {
  static_cast<void>(record.begin_commit());
  record.end_commit(0, {}, 0);
}

}  // namespace

TEST_CASE("what is shown as delivered is what a commit has saved") {
  DeliveryRecord record = record_with(100, 10);
  acknowledge(record, batch(101, 104));
  CHECK(record.delivered() == 0);
  CHECK(record.backlog() == 20);
  static_cast<void>(record.begin_commit());
  acknowledge(record, batch(105, 105));
  record.end_commit(0, {}, 0);
  CHECK(record.delivered() == 8);
  CHECK(record.backlog() == 12);
}

TEST_CASE("stored = delivered + dropped + backlog, whatever is acknowledged twice") {
  DeliveryRecord record = record_with(100, 10);
  acknowledge(record, batch(101, 104));
  acknowledge(record, batch(103, 106));
  save(record);
  CHECK(record.delivered() == 12);
  CHECK(record.backlog() == 8);
  CHECK(record.delivered() + record.dropped() + record.backlog() == 20);
}

TEST_CASE("what a commit drops while it is being acknowledged is dropped, not delivered too") {
  DeliveryRecord record = record_with(100, 10);
  static_cast<void>(record.begin_commit());
  acknowledge(record, batch(101, 104));
  CHECK(record.delivered() == 0);
  record.end_commit(0, Span{101, 102}, 4);
  save(record);
  CHECK(record.dropped() == 4);
  CHECK(record.delivered() == 4);
  CHECK(record.delivered() + record.dropped() + record.backlog() == 20);
}

TEST_CASE("acknowledgements wait for a commit that fails, too") {
  DeliveryRecord record = record_with(100, 10);
  static_cast<void>(record.begin_commit());
  acknowledge(record, batch(101, 110));
  record.abandon_commit();
  CHECK(record.has_unsaved());
  save(record);
  CHECK_FALSE(record.has_unsaved());
  CHECK(record.delivered() == 20);
  CHECK(record.backlog() == 0);
}

TEST_CASE("the record of a commit is that of its begin") {
  DeliveryRecord record = record_with(100, 10);
  acknowledge(record, batch(101, 101));
  const auto saved = record.begin_commit();
  acknowledge(record, batch(102, 102));
  CHECK(saved.marks.low() == 101);
  CHECK(saved.delivered == 2);
}

TEST_CASE("what is acknowledged during a commit is no gap until the commit ends, nor after it") {
  DeliveryRecord record = record_with(100, 3);
  static_cast<void>(record.begin_commit());
  record.claim({101, 102});
  acknowledge(record, batch(101, 102));
  record.release({101, 102});
  CHECK(record.next_gap(103) == Span{103, 103});
  SUBCASE("the commit succeeds") { record.end_commit(0, {}, 0); }
  SUBCASE("the commit fails") { record.abandon_commit(); }
  CHECK(record.next_gap(103) == Span{103, 103});
}

TEST_CASE("a gap is neither delivered nor claimed") {
  DeliveryRecord record = record_with(100, 20);
  SUBCASE("everything above the low mark at first") { CHECK(record.next_gap(120) == Span{101, 120}); }
  SUBCASE("cut by what the live lane delivered") {
    acknowledge(record, batch(111, 120));
    CHECK(record.next_gap(120) == Span{101, 110});
  }
  SUBCASE("cut by what the live lane has under way") {
    record.claim({111, 115});
    CHECK(record.next_gap(120) == Span{101, 110});
    acknowledge(record, batch(101, 110));
    CHECK(record.next_gap(120) == Span{116, 120});
    record.claim({116, 120});
    CHECK_FALSE(record.next_gap(120));
    record.release({111, 115});
    CHECK(record.next_gap(120) == Span{111, 115});
  }
  SUBCASE("a claim at the low mark") {
    record.claim({101, 110});
    CHECK(record.next_gap(120) == Span{111, 120});
  }
}

TEST_CASE("each set has its own fate, and the sum stays") {
  DeliveryRecord record = record_with(100, 10);
  // a: 102 104 106 108 110, b: 101 103 105 107 109
  record.settle(batch(101, 106), {Fate::set_aside, Fate::delivered, Fate::set_aside, Fate::left_out,
                                  Fate::set_aside, Fate::unanswered});
  record.settle(batch(107, 110), {Fate::set_aside, Fate::delivered, Fate::set_aside, Fate::later});
  CHECK_FALSE(record.next_gap(110));
  CHECK(sum_of(record) == 20);
  save(record);
  CHECK(record.delivered() == 4);
  CHECK(record.left_out() == 2);
  CHECK(record.set_aside() == 10);
  CHECK(record.backlog() == 4);
  CHECK(sum_of(record) == 20);
  const auto anyone = [](const store::HeldSource&) { return true; };
  CHECK(record.held().runs_from(store::Hold::set_aside, 0, anyone) == HeldPart{{held_b, {{101, 110}}}});
  CHECK(record.held().runs_from(store::Hold::waiting, 0, anyone) ==
        HeldPart{{held_a, {{106, 106}, {110, 110}}}});

  // Those of b are taken, in two parts; between them a commit runs.
  record.settle_held({{held_b, {{101, 104}}}},
                     std::make_shared<const std::vector<StoredSet>>(
                         std::vector<StoredSet>{batch(101, 101)->front(), batch(103, 103)->front()}),
                     {Fate::delivered, Fate::delivered});
  CHECK(record.set_aside() == 6);
  CHECK(sum_of(record) == 20);
  static_cast<void>(record.begin_commit());
  record.settle_held({{held_b, {{105, 110}}}},
                     std::make_shared<const std::vector<StoredSet>>(std::vector<StoredSet>{
                         batch(105, 105)->front(), batch(107, 107)->front(), batch(109, 109)->front()}),
                     {Fate::delivered, Fate::unanswered, Fate::set_aside});
  CHECK(record.is_settling());
  CHECK(record.set_aside() == 6);
  record.end_commit(0, {}, 0);
  CHECK_FALSE(record.is_settling());
  save(record);
  CHECK(record.delivered() == 10);
  CHECK(record.set_aside() == 2);
  CHECK(record.backlog() == 6);
  CHECK(sum_of(record) == 20);
}

TEST_CASE("a call without any answer changes nothing") {
  DeliveryRecord record = record_with(100, 10);
  record.settle(batch(101, 106), std::vector<Fate>(6));
  CHECK(record.next_gap(110) == Span{101, 110});
  CHECK_FALSE(record.has_unsaved());
}

TEST_CASE("sets that were lost in flight are held, however they lie between delivered ones") {
  DeliveryRecord record = record_with(100, 2000);
  std::vector<Fate> fates;
  for (std::uint64_t seq = 101; seq <= 2100; ++seq)
    fates.push_back(seq % 2 == 0 ? Fate::delivered : Fate::unanswered);
  record.settle(batch(101, 2100), fates);
  save(record);
  CHECK(record.delivered() == 2000);
  CHECK(record.backlog() == 2000);
  CHECK_FALSE(record.next_gap(2100));
  CHECK(record.held().lowest(store::Hold::waiting, 0, [](const auto&) { return true; }) == Span{101, 2100});
}

TEST_CASE("what a commit drops of held sets leaves them; its answer comes too late to count") {
  DeliveryRecord record = record_with(100, 10);
  record.settle(batch(101, 110), std::vector<Fate>(10, Fate::set_aside));
  CHECK(record.set_aside() == 20);
  store::ExporterRecord saved = record.begin_commit();
  record.settle_held({{held_a, {{101, 110}}}},
                     std::make_shared<const std::vector<StoredSet>>(
                         std::vector<StoredSet>{batch(102, 102)->front(), batch(108, 108)->front()}),
                     {Fate::delivered, Fate::set_aside});
  for (std::uint64_t seq = 101; seq <= 104; ++seq)
    CHECK(saved.held.lose(seq % 2 == 0 ? held_a : held_b, seq, 2) == 2);
  CHECK(saved.held.cut_through(104) == 0);
  record.end_commit(0, Span{101, 104}, 8, &saved.held);
  save(record);
  CHECK(record.dropped() == 8);
  CHECK(record.delivered() == 0);
  CHECK(sum_of(record) == 20);
}
