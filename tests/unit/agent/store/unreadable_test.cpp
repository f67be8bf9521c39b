// A row that is damaged costs that row, and a damaged description its source: the rest is read and delivered,
// and what is lost is counted for each exporter that it was still owed to.
#include "agent/store/reader.h"
#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

constexpr Span everything{0, ~std::uint64_t{0}};
constexpr std::uint64_t later_first = first_seq + 1'000'000'000;

std::string where(std::uint64_t row) { return " WHERE seq = " + std::to_string(first_seq + row); }

/// The state of an exporter that has delivered `sets` small sets and has passed everything up to `low`.
ExporterRecord record_of(std::uint64_t low, std::uint64_t sets) {
  return {DeliveryMarks(low), sets * small_set_readings, 0};
}

/// What happens to one row behind the store's back.
const std::vector<std::string> row_damages = {
    "UPDATE reading_set SET time = time + 1",      "UPDATE reading_set SET total = 0",
    "UPDATE reading_set SET total = total * 1000", "UPDATE reading_set SET source = 77",
    "UPDATE reading_set SET data = x'00'",         "DELETE FROM reading_set"};

TEST_CASE("a damaged or missing row costs that row: the others are read, and it is counted as dropped once") {
  for (const std::string& damage : row_damages) {
    for (const std::uint64_t row : {1U, 50U, 98U}) {
      CAPTURE(damage);
      CAPTURE(row);
      const Directory directory;
      const auto store = open_or_fail(settings_for(directory.store(), {"ems", "fleet"}));
      Commit commit = small_commit(small_source(), 0, 100);
      (void)value_or_fail(store->commit(commit));
      // One exporter has delivered the row before it is damaged.
      Commit delivered;
      delivered.exporters["fleet"] = record_of(first_seq + row, row + 1);
      (void)value_or_fail(store->commit(delivered));
      sql(directory.store(), damage + where(row));

      const auto sets = value_or_fail(store->read(everything, 1'000));
      CHECK(sets.size() == 99);
      for (const StoredSet& stored : sets) CHECK(stored.seq != first_seq + row);
      // Still to be delivered: the exporter has not come to it.
      auto committed = value_or_fail(store->commit(small_commit(small_source(), 100, 1)));
      CHECK(committed.set_aside.empty());
      REQUIRE(committed.unreadable.size() == 1);
      CHECK(committed.unreadable[0].seqs == Span{first_seq + row, first_seq + row});
      CHECK(committed.unreadable[0].sets == 1);
      CHECK(committed.backlog.at("ems") + committed.dropped["ems"] == 101 * small_set_readings);

      Commit passed;
      passed.exporters["ems"] = record_of(first_seq + 100, 100);
      passed.exporters["fleet"] = record_of(first_seq + 100, 101);
      committed = value_or_fail(store->commit(passed));
      CHECK(committed.dropped["ems"] == small_set_readings);
      CHECK(committed.dropped["fleet"] == 0);
      CHECK(committed.backlog.at("ems") == 0);
      CHECK(committed.backlog.at("fleet") == 0);
      CHECK(committed.unreadable.empty());
      CHECK(value_or_fail(store->commit({})).dropped["ems"] == 0);
    }
  }
}

TEST_CASE("a chunk is as long as it was asked for, over damaged rows, and a span of them alone is empty") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 100)));
  sql(directory.store(), "UPDATE reading_set SET data = x'' WHERE seq < " + std::to_string(first_seq + 60));
  CHECK(value_or_fail(store->read({first_seq, first_seq + 99}, 10)).size() == 10);
  CHECK(value_or_fail(store->read({first_seq, first_seq + 59}, 10)).empty());
  CHECK(value_or_fail(store->commit({})).unreadable.at(0).sets == 60);
}

TEST_CASE("damaged rows at both ends are no reason to set the file aside at the start") {
  for (const std::string& damage : row_damages) {
    CAPTURE(damage);
    const Directory directory;
    {
      const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
      (void)value_or_fail(store->commit(small_commit(small_source(), 0, 100)));
    }
    sql(directory.store(), damage + where(0));
    sql(directory.store(), damage + where(99));
    Settings settings = settings_for(directory.store(), {"ems"});
    settings.first_seq = later_first;
    const auto store = open_or_fail(settings);
    const Opened& opened = store->opened();
    CHECK(opened.set_aside.empty());
    REQUIRE(opened.seq_jump);
    CHECK(opened.seq_jump->lost_sets == 1);
    CHECK(opened.next_seq >= later_first);
    const std::uint64_t stored = opened.total_readings - opened.exporters.at("ems").delivered;
    CHECK(stored == opened.exporters.at("ems").dropped + opened.backlog.at("ems"));
    CHECK(opened.backlog.at("ems") == 98 * small_set_readings);
    CHECK(value_or_fail(store->read(everything, 1'000)).size() == 98);
    const auto committed = value_or_fail(store->commit(small_commit(small_source(), 100, 2)));
    CHECK(committed.first_seq == opened.next_seq);
    CHECK(committed.backlog.at("ems") == 100 * small_set_readings);
    CHECK(value_or_fail(store->read(everything, 1'000)).size() == 100);
  }
}

TEST_CASE("limits remove damaged rows with the others, and count them once") {
  const Directory directory;
  Settings settings = settings_for(directory.store(), {"ems"});
  settings.max_age = std::chrono::seconds(1'000);
  const auto store = open_or_fail(settings);
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 100)));
  for (const std::uint64_t row : {0U, 3U, 50U})
    sql(directory.store(), "UPDATE reading_set SET total = 5" + where(row));
  (void)value_or_fail(store->read(everything, 1'000));
  auto committed = value_or_fail(store->commit(small_commit(small_source(), 20'000, 5)));
  const std::uint64_t dropped = committed.dropped["ems"];
  CHECK(committed.removed == Span{first_seq, first_seq + 99});
  CHECK(dropped == 100 * small_set_readings);
  CHECK(committed.backlog.at("ems") == 5 * small_set_readings);
}

TEST_CASE("a damaged description costs its source only, and the source is stored again under a new one") {
  for (const std::string damage : {"UPDATE source SET description = replace(description, 'pdu-a', 'pdu-x')",
                                   "UPDATE source SET description = 'x'",
                                   "UPDATE source SET baseline = zeroblob(36)", "DELETE FROM source"}) {
    CAPTURE(damage);
    const Directory directory;
    const SourcePtr good = small_source("pdu-b");
    {
      const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
      for (int i = 0; i < 100; ++i)
        (void)value_or_fail(store->commit(small_commit(i % 4 == 0 ? small_source() : good, i, 1)));
    }
    sql(directory.store(), damage + " WHERE description LIKE '%pdu-a%'");
    {
      const auto reader = value_or_fail(Reader::open(directory.store()));
      Span rest = value_or_fail(reader->span());
      CHECK(rest == Span{first_seq, first_seq + 99});
      std::size_t items = 0;
      while (!rest.empty())
        items += value_or_fail(reader->next(rest, [](const Row&) { return true; })).items.size();
      CHECK(items == 75);
      CHECK(reader->left_out().sources.size() == 1);
      CHECK(reader->left_out().broken.empty());
    }
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    CHECK(store->opened().set_aside.empty());
    CHECK(value_or_fail(store->read(everything, 1'000)).size() == 75);
    Commit commit = small_commit(small_source(), 100, 4);
    commit.exporters["ems"] = record_of(first_seq + 99, 75);
    const auto committed = value_or_fail(store->commit(commit));
    CHECK(committed.set_aside.empty());
    REQUIRE_FALSE(committed.unreadable.empty());
    CHECK(committed.unreadable.back().reason.find("the description of source ") == 0);
    CHECK(committed.backlog.at("ems") == 4 * small_set_readings);
    // Row 0 was unreadable at the opening, and counted then.
    CHECK(store->opened().exporters.at("ems").dropped + committed.dropped.at("ems") ==
          25 * small_set_readings);
    CHECK(value_or_fail(store->read(everything, 1'000)).size() == 79);
  }
}

TEST_CASE("a reader goes past broken pages, and says between which seqs") {
  const Directory directory;
  {
    const auto store = open_or_fail(settings_for(directory.store()));
    for (int i = 0; i < 20; ++i)
      (void)value_or_fail(store->commit(small_commit(small_source(), i * 500, 500)));
  }
  const std::string good = file_text(directory.store());
  const std::size_t pages = good.size() / 4096;
  REQUIRE(pages > 60);
  std::size_t passed = 0;
  for (std::size_t page = 10; page < pages; page += 7) {
    CAPTURE(page);
    std::string text = good;
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(page * 4096), 4096, '\xff');
    write_file(directory.store(), text);
    const auto reader = value_or_fail(Reader::open(directory.store()));
    Span rest = value_or_fail(reader->span());
    std::uint64_t items = 0;
    while (!rest.empty())
      items += value_or_fail(reader->next(rest, [](const Row&) { return true; })).items.size();
    std::uint64_t lost = 0;
    for (const Span& broken : reader->left_out().broken) lost += broken.last - broken.first + 1;
    CHECK(items + lost == 10'000);
    if (lost == 0) continue;  // no page of rows
    ++passed;
    CHECK(lost < 600);
  }
  CHECK(passed > 5);
}

}  // namespace
}  // namespace flopwatt::store
