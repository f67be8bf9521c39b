// A damaged file that was set aside is read until its undelivered sets are delivered under their own seqs: over
// restarts, past what is broken in it, and every reading of it is delivered or counted as dropped.
#include <set>

#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

constexpr std::uint64_t later_seq = first_seq + 1'000'000'000;

Settings later(const Directory& directory, std::vector<std::string> exporters = {"ems"}) {
  Settings settings = settings_for(directory.store(), std::move(exporters));
  settings.first_seq = later_seq;
  return settings;
}

/// An exporter that delivers what the store reads, as the agent does it.
class Receiver {
 public:
  explicit Receiver(ExporterRecord record) : record_(std::move(record)) {}

  /// Delivers up to `most` sets of the lowest undelivered run. False: there is none.
  bool deliver(Store& store, std::uint64_t newest, std::size_t most = 500) {
    const auto gap = record_.marks.first_gap(0, newest);
    if (!gap) return false;
    const auto sets = value_or_fail(store.read(*gap, most));
    if (sets.empty()) {
      REQUIRE(record_.marks.add(*gap));
      return true;
    }
    for (const StoredSet& stored : sets) {
      record_.delivered += stored.set.known_count();
      REQUIRE(seqs_.insert(stored.seq).second);
    }
    REQUIRE(record_.marks.add({sets.front().seq, sets.back().seq}));
    return true;
  }
  /// One commit with this exporter's state. What it says of the exporter is checked to add up.
  Committed commit(Store& store, Commit contents) {
    contents.exporters["ems"] = record_;
    auto committed = value_or_fail(store.commit(contents));
    if (!committed.removed.empty()) record_.marks.raise_low(committed.removed.last);
    record_.dropped += committed.dropped["ems"];
    CHECK(committed.total_readings == record_.delivered + record_.dropped + committed.backlog.at("ems"));
    return committed;
  }
  [[nodiscard]] const ExporterRecord& record() const { return record_; }
  [[nodiscard]] const std::set<std::uint64_t>& seqs() const { return seqs_; }

 private:
  ExporterRecord record_;
  std::set<std::uint64_t> seqs_;
};

/// A store of `count` small sets, of which 30 are delivered.
Receiver fill(Store& store, std::size_t count) {
  Receiver receiver(store.opened().exporters.at("ems"));
  Commit commit = small_commit(small_source(), 0, count);
  commit.totals["scope/a/energy_j"] = 7;
  const auto committed = receiver.commit(store, std::move(commit));
  receiver.deliver(store, committed.first_seq + count - 1, 30);
  (void)receiver.commit(store, {});
  return receiver;
}

/// Damage that the next commit with totals finds, and that costs no row.
void damage_running(Store& store, const Directory& directory) {
  sql(directory.store(), "DROP TABLE total");
  Commit commit;
  commit.totals["scope/a/energy_j"] = 8;
  REQUIRE_FALSE(store.commit(commit));
}

TEST_CASE("damage that shows while it runs: what was not delivered is read from the file set aside") {
  const Directory directory;
  auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  Receiver receiver = fill(*store, 100);
  damage_running(*store, directory);
  auto committed = receiver.commit(*store, small_commit(small_source(), 100, 10));
  CHECK(committed.set_aside.find(".corrupt-") != std::string::npos);
  CHECK(committed.aside.is_read);
  CHECK(committed.removed.empty());
  CHECK(committed.dropped["ems"] == 0);
  CHECK(committed.backlog.at("ems") == 80 * small_set_readings);
  const std::uint64_t newest = committed.first_seq + 9;

  SUBCASE("at once") {}
  SUBCASE("over a restart in the middle of it") {
    REQUIRE(receiver.deliver(*store, newest, 20));
    CHECK(receiver.commit(*store, {}).aside_done.empty());
    store.reset();
    store = open_or_fail(later(directory));
    CHECK(store->opened().set_aside.empty());
    CHECK(store->opened().aside.is_read);
    CHECK(store->opened().exporters.at("ems") == receiver.record());
    CHECK(store->opened().backlog.at("ems") == 60 * small_set_readings);
    CHECK(store->opened().totals.at("scope/a/energy_j") == 7);
  }
  while (receiver.deliver(*store, newest, 50)) {
  }
  CHECK(receiver.seqs().size() == 110);
  CHECK(*receiver.seqs().begin() == first_seq);
  CHECK(receiver.seqs().contains(first_seq + 99));
  const auto last = receiver.commit(*store, {});
  CHECK(last.aside_done.find(".corrupt-") != std::string::npos);
  CHECK(receiver.record().dropped == 0);
  CHECK(fs::exists(last.aside_done));
  CHECK(receiver.commit(*store, {}).aside_done.empty());
  store.reset();
  CHECK_FALSE(open_or_fail(later(directory))->opened().aside.is_read);
}

TEST_CASE(
    "broken pages at the start: the rest of the file is delivered under its own seqs, the lost is counted") {
  const Directory original;
  Settings settings = settings_for(original.store(), {"ems"});
  {
    const auto store = open_or_fail(settings);
    Receiver receiver = fill(*store, 100);
    for (int i = 0; i < 20; ++i)
      (void)receiver.commit(*store, small_commit(small_source(), 100 + i * 500, 500));
  }
  const std::string good = file_text(original.store());
  const std::size_t pages = good.size() / 4096;
  std::size_t read_on = 0, lossless = 0;
  for (std::size_t page = 1; page < pages; page += 3) {
    CAPTURE(page);
    const Directory directory;
    std::string text = good;
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(page * 4096), 4096, '\xff');
    write_file(directory.store(), text);
    const auto store = open_or_fail(later(directory));
    const Opened& opened = store->opened();
    REQUIRE_FALSE(opened.set_aside.empty());
    if (!opened.aside.is_read) continue;
    ++read_on;
    CHECK(opened.next_seq == later_seq);
    // The newest page: what was in it is only known to the mark, which this folder has not.
    const std::uint64_t stored = opened.total_readings;
    CHECK(stored <= 10'100 * small_set_readings);
    CHECK(stored > 10'000 * small_set_readings);
    Receiver receiver(opened.exporters.at("ems"));
    (void)receiver.commit(*store, small_commit(small_source(), 20'000, 5));
    while (receiver.deliver(*store, later_seq + 4)) (void)receiver.commit(*store, {});
    (void)receiver.commit(*store, {});
    CHECK(receiver.record().delivered + receiver.record().dropped == stored + 5 * small_set_readings);
    // A row of rows is 4 kB; a page above them holds some hundred.
    CHECK(receiver.record().dropped < 600 * small_set_readings);
    CHECK(receiver.seqs().contains(later_seq + 4));
    if (receiver.record().dropped == 0) ++lossless;
  }
  CHECK(read_on > pages / 3 - 5);
  CHECK(lossless < read_on / 2);
}

TEST_CASE(
    "a damaged record of an exporter, total or boot: the file is set aside, and what is good is taken over") {
  const auto reopen_after = [](const std::string& damage, const Directory& directory) {
    {
      const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
      (void)fill(*store, 100);
    }
    sql(directory.store(), damage);
    auto store = open_or_fail(later(directory));
    REQUIRE_FALSE(store->opened().set_aside.empty());
    CHECK(store->opened().aside.is_read);
    CHECK(store->opened().total_readings == 100 * small_set_readings);
    return store;
  };
  const Directory directory;
  SUBCASE("an exporter has all of it to deliver again") {
    const auto store = reopen_after("UPDATE exporter SET low = low - 1", directory);
    CHECK(store->opened().totals.at("scope/a/energy_j") == 7);
    CHECK(store->opened().backlog.at("ems") == 100 * small_set_readings);
    CHECK(store->opened().exporters.at("ems").delivered == 0);
  }
  SUBCASE("a total begins at 0, and that is said") {
    const auto store = reopen_after("UPDATE total SET value = 8", directory);
    CHECK(store->opened().totals.empty());
    CHECK(store->opened().aside.lacks_totals);
    CHECK(store->opened().backlog.at("ems") == 70 * small_set_readings);
  }
  SUBCASE("a boot") {
    const auto store = reopen_after("UPDATE boot SET origin_us = 0", directory);
    CHECK(store->opened().totals.at("scope/a/energy_j") == 7);
    CHECK_FALSE(store->opened().aside.lacks_totals);
    CHECK(store->opened().backlog.at("ems") == 70 * small_set_readings);
  }
}

TEST_CASE("a second damaged file takes the place of the first, which is counted as dropped and said") {
  const Directory directory;
  auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  Receiver receiver = fill(*store, 100);
  damage_running(*store, directory);
  const std::string first = receiver.commit(*store, small_commit(small_source(), 100, 10)).set_aside;
  SUBCASE("while it runs") {
    damage_running(*store, directory);
    const auto committed = receiver.commit(*store, small_commit(small_source(), 110, 10));
    CHECK(committed.aside.is_read);
    CHECK(committed.aside.given_up == first);
    CHECK(committed.removed.first == first_seq);
  }
  SUBCASE("at a start") {
    store.reset();
    sql(directory.store(), "DROP TABLE boot");
    store = open_or_fail(later(directory));
    CHECK(store->opened().aside.is_read);
    CHECK(store->opened().aside.given_up == first);
    receiver = Receiver(store->opened().exporters.at("ems"));
    (void)receiver.commit(*store, small_commit(small_source(), 110, 10));
  }
  CHECK(receiver.record().dropped == 70 * small_set_readings);
  while (receiver.deliver(*store, ~std::uint64_t{0} >> 2)) {
  }
  (void)receiver.commit(*store, {});
  CHECK(receiver.record().delivered == 50 * small_set_readings);
  CHECK(receiver.record().dropped == 70 * small_set_readings);
}

TEST_CASE("limits take the file set aside before any newer row") {
  const Directory directory;
  Settings settings = settings_for(directory.store(), {"ems"});
  settings.max_age = std::chrono::seconds(1'000);
  const auto store = open_or_fail(settings);
  Receiver receiver = fill(*store, 100);
  damage_running(*store, directory);
  (void)receiver.commit(*store, small_commit(small_source(), 100, 10));
  const auto committed = receiver.commit(*store, small_commit(small_source(), 50'000, 10));
  CHECK(committed.removed.first == first_seq);
  CHECK(receiver.record().dropped == 80 * small_set_readings);
  CHECK(committed.backlog.at("ems") == 10 * small_set_readings);
  CHECK(value_or_fail(store->read({0, ~std::uint64_t{0}}, 1'000)).size() == 10);
}

TEST_CASE("a file set aside that is removed is counted as dropped at the next start, and said") {
  const Directory directory;
  auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  Receiver receiver = fill(*store, 100);
  damage_running(*store, directory);
  const std::string aside = receiver.commit(*store, small_commit(small_source(), 100, 10)).set_aside;
  store.reset();
  fs::remove(aside);
  store = open_or_fail(later(directory));
  CHECK(store->opened().aside.given_up == aside);
  CHECK_FALSE(store->opened().aside.is_read);
  CHECK(store->opened().exporters.at("ems").dropped == 70 * small_set_readings);
  CHECK(store->opened().backlog.at("ems") == 10 * small_set_readings);
  store.reset();
  CHECK(open_or_fail(later(directory))->opened().aside == AsideState{});
}

TEST_CASE("an agent that was killed just after it had set a file aside: the next one reads it") {
  const Directory directory;
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    (void)fill(*store, 100);
  }
  fs::rename(directory.store(), directory.store().string() + ".corrupt-20261129T120000Z");
  SUBCASE("before it made the new one") {}
  SUBCASE("after that") {
    Settings settings = later(directory);
    settings.path = directory.path() / "other.db";
    open_or_fail(settings).reset();
    fs::rename(settings.path, directory.store());
  }
  const auto store = open_or_fail(later(directory));
  CHECK(store->opened().aside.is_read);
  CHECK(store->opened().next_seq >= later_seq);
  CHECK(store->opened().totals.at("scope/a/energy_j") == 7);
  CHECK(store->opened().backlog.at("ems") == 70 * small_set_readings);
  CHECK(value_or_fail(store->read({0, ~std::uint64_t{0}}, 1'000)).size() == 100);
}

TEST_CASE("the mark tells how many of the newest sets are missing in a file set aside") {
  const Directory directory;
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    (void)fill(*store, 100);
  }
  sql(directory.store(), "DELETE FROM reading_set WHERE seq > " + std::to_string(first_seq + 95));
  sql(directory.store(), "DROP TABLE boot");
  const auto store = open_or_fail(later(directory));
  CHECK(store->opened().aside.is_read);
  REQUIRE(store->opened().seq_jump);
  CHECK(store->opened().seq_jump->lost_sets == 4);
}

TEST_CASE("windows are completed from the file set aside, too") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  Receiver receiver = fill(*store, 100);
  damage_running(*store, directory);
  (void)receiver.commit(*store, small_commit(small_source(), 100, 10));
  const auto newest = value_or_fail(store->read_before(~std::uint64_t{0}, 10));
  REQUIRE(newest.size() == 10);
  const auto before = value_or_fail(store->read_before(newest.front().seq, 20));
  REQUIRE(before.size() == 20);
  CHECK(before.back().seq == first_seq + 99);
}

}  // namespace
}  // namespace flopwatt::store
