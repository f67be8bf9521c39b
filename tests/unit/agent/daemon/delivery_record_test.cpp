#include "agent/daemon/delivery_record.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::agent;
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

Ledger ledger_with(std::uint64_t low, std::uint64_t stored_sets) {
  Ledger ledger({store::DeliveryMarks(low), 0, 0}, 0);
  static_cast<void>(ledger.begin_commit());
  ledger.end_commit(2 * stored_sets, {}, 0);
  return ledger;
}

void save(Ledger& ledger) {
  static_cast<void>(ledger.begin_commit());
  ledger.end_commit(0, {}, 0);
}

}  // namespace

TEST_CASE("what is shown as delivered is what a commit has saved") {
  Ledger ledger = ledger_with(100, 10);
  ledger.acknowledge(batch(101, 104));
  CHECK(ledger.delivered() == 0);
  CHECK(ledger.backlog() == 20);
  static_cast<void>(ledger.begin_commit());
  ledger.acknowledge(batch(105, 105));
  ledger.end_commit(0, {}, 0);
  CHECK(ledger.delivered() == 8);
  CHECK(ledger.backlog() == 12);
}

TEST_CASE("stored = delivered + dropped + backlog, whatever is acknowledged twice") {
  Ledger ledger = ledger_with(100, 10);
  ledger.acknowledge(batch(101, 104));
  ledger.acknowledge(batch(103, 106));
  save(ledger);
  CHECK(ledger.delivered() == 12);
  CHECK(ledger.backlog() == 8);
  CHECK(ledger.delivered() + ledger.dropped() + ledger.backlog() == 20);
}

TEST_CASE("what a commit drops while it is being acknowledged is dropped, not delivered too") {
  Ledger ledger = ledger_with(100, 10);
  static_cast<void>(ledger.begin_commit());
  ledger.acknowledge(batch(101, 104));
  CHECK(ledger.delivered() == 0);
  ledger.end_commit(0, Span{101, 102}, 4);
  save(ledger);
  CHECK(ledger.dropped() == 4);
  CHECK(ledger.delivered() == 4);
  CHECK(ledger.delivered() + ledger.dropped() + ledger.backlog() == 20);
}

TEST_CASE("acknowledgements wait for a commit that fails, too") {
  Ledger ledger = ledger_with(100, 10);
  static_cast<void>(ledger.begin_commit());
  ledger.acknowledge(batch(101, 110));
  ledger.abandon_commit();
  CHECK(ledger.has_unsaved());
  save(ledger);
  CHECK_FALSE(ledger.has_unsaved());
  CHECK(ledger.delivered() == 20);
  CHECK(ledger.backlog() == 0);
}

TEST_CASE("the record of a commit is that of its begin") {
  Ledger ledger = ledger_with(100, 10);
  ledger.acknowledge(batch(101, 101));
  const auto record = ledger.begin_commit();
  ledger.acknowledge(batch(102, 102));
  CHECK(record.marks.low() == 101);
  CHECK(record.delivered == 2);
}

TEST_CASE("a gap is neither delivered nor claimed") {
  Ledger ledger = ledger_with(100, 20);
  SUBCASE("everything above the low mark at first") { CHECK(ledger.next_gap(120) == Span{101, 120}); }
  SUBCASE("cut by what the live lane delivered") {
    ledger.acknowledge(batch(111, 120));
    CHECK(ledger.next_gap(120) == Span{101, 110});
  }
  SUBCASE("cut by what the live lane has under way") {
    ledger.claim({111, 115});
    CHECK(ledger.next_gap(120) == Span{101, 110});
    ledger.acknowledge(batch(101, 110));
    CHECK(ledger.next_gap(120) == Span{116, 120});
    ledger.claim({116, 120});
    CHECK_FALSE(ledger.next_gap(120));
    ledger.release({111, 115});
    CHECK(ledger.next_gap(120) == Span{111, 115});
  }
  SUBCASE("a claim at the low mark") {
    ledger.claim({101, 110});
    CHECK(ledger.next_gap(120) == Span{111, 120});
  }
}
