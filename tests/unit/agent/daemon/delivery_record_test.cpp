#include "agent/daemon/delivery_record.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::daemon;
using store::Span;

namespace {

/// Sets first..last of two readings each.
StoredBatch batch(std::uint64_t first, std::uint64_t last) {
  std::vector<StoredSet> sets;
  for (std::uint64_t seq = first; seq <= last; ++seq) {
    ReadingSet set;
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

void save(DeliveryRecord& record) {
  static_cast<void>(record.begin_commit());
  record.end_commit(0, {}, 0);
}

}  // namespace

TEST_CASE("what is shown as delivered is what a commit has saved") {
  DeliveryRecord record = record_with(100, 10);
  record.acknowledge(batch(101, 104));
  CHECK(record.delivered() == 0);
  CHECK(record.backlog() == 20);
  static_cast<void>(record.begin_commit());
  record.acknowledge(batch(105, 105));
  record.end_commit(0, {}, 0);
  CHECK(record.delivered() == 8);
  CHECK(record.backlog() == 12);
}

TEST_CASE("stored = delivered + dropped + backlog, whatever is acknowledged twice") {
  DeliveryRecord record = record_with(100, 10);
  record.acknowledge(batch(101, 104));
  record.acknowledge(batch(103, 106));
  save(record);
  CHECK(record.delivered() == 12);
  CHECK(record.backlog() == 8);
  CHECK(record.delivered() + record.dropped() + record.backlog() == 20);
}

TEST_CASE("what a commit drops while it is being acknowledged is dropped, not delivered too") {
  DeliveryRecord record = record_with(100, 10);
  static_cast<void>(record.begin_commit());
  record.acknowledge(batch(101, 104));
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
  record.acknowledge(batch(101, 110));
  record.abandon_commit();
  CHECK(record.has_unsaved());
  save(record);
  CHECK_FALSE(record.has_unsaved());
  CHECK(record.delivered() == 20);
  CHECK(record.backlog() == 0);
}

TEST_CASE("the record of a commit is that of its begin") {
  DeliveryRecord record = record_with(100, 10);
  record.acknowledge(batch(101, 101));
  const auto saved = record.begin_commit();
  record.acknowledge(batch(102, 102));
  CHECK(saved.marks.low() == 101);
  CHECK(saved.delivered == 2);
}

TEST_CASE("what is acknowledged during a commit is no gap until the commit ends, nor after it") {
  DeliveryRecord record = record_with(100, 3);
  static_cast<void>(record.begin_commit());
  record.claim({101, 102});
  record.acknowledge(batch(101, 102));
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
    record.acknowledge(batch(111, 120));
    CHECK(record.next_gap(120) == Span{101, 110});
  }
  SUBCASE("cut by what the live lane has under way") {
    record.claim({111, 115});
    CHECK(record.next_gap(120) == Span{101, 110});
    record.acknowledge(batch(101, 110));
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
