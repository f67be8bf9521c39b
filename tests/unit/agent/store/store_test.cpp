// What a commit puts in is what reads and a later opening give back.
#include "agent/store/store.h"

#include <sys/stat.h>

#include <bit>

#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

void check_same(const ReadingSet& read, const ReadingSet& written) {
  CHECK(*read.source == *written.source);
  CHECK(read.time == written.time);
  CHECK(read.half_duration_us == written.half_duration_us);
  REQUIRE(read.values.size() == written.values.size());
  for (std::size_t i = 0; i < read.values.size(); ++i)
    CHECK(std::bit_cast<std::uint64_t>(read.values[i]) == std::bit_cast<std::uint64_t>(written.values[i]));
}

TEST_CASE("a new store begins at the given seq and is a file of mode 0640") {
  const Directory directory;
  const ::mode_t before = ::umask(077);
  const auto store = open_or_fail(settings_for(directory.store()));
  ::umask(before);
  CHECK(store->opened().next_seq == first_seq);
  CHECK(store->opened().total_readings == 0);
  CHECK(store->opened().oldest_wall_us == 0);
  CHECK(store->opened().set_aside.empty());
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 1)));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct ::stat status {};
    REQUIRE(::stat((directory.store().string() + suffix).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
  }
}

TEST_CASE("sets get seqs without a hole and come back bit for bit, also after reopening") {
  const Directory directory;
  const SourcePtr a = small_source("pdu-a");
  const SourcePtr b = meter_source("main");
  std::mt19937_64 random(1);
  std::vector<ReadingSet> written;
  {
    const auto store = open_or_fail(settings_for(directory.store()));
    for (int round = 0; round < 5; ++round) {
      Commit commit = small_commit(a, round, 1);
      commit.sets.push_back(measured_set(b, round * second, random));
      commit.sets.back().values[7] = absent;
      written.insert(written.end(), commit.sets.begin(), commit.sets.end());
      const auto committed = value_or_fail(store->commit(commit));
      CHECK(committed.first_seq == first_seq + static_cast<std::uint64_t>(2 * round));
      CHECK(committed.total_readings == static_cast<std::uint64_t>(round + 1) * (small_set_readings + 25));
      CHECK(committed.oldest_wall_us == start_wall_us);
      CHECK(committed.removed.empty());
    }
  }
  const auto store = open_or_fail(settings_for(directory.store()));
  CHECK(store->opened().next_seq == first_seq + 10);
  CHECK(store->opened().total_readings == 5 * (small_set_readings + 25));
  CHECK(store->opened().oldest_wall_us == start_wall_us);
  const auto sets = value_or_fail(store->read({first_seq, first_seq + 9}, 100));
  REQUIRE(sets.size() == 10);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    CHECK(sets[i].seq == first_seq + i);
    check_same(sets[i].set, written[i]);
  }
  // One shared description a source.
  CHECK(sets[0].set.source == sets[2].set.source);
  CHECK(sets[1].set.source == sets[3].set.source);
}

TEST_CASE("reads give what the span and the limit ask for") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store()));
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 20)));
  const auto some = value_or_fail(store->read({first_seq + 5, first_seq + 30}, 3));
  REQUIRE(some.size() == 3);
  CHECK(some[0].seq == first_seq + 5);
  CHECK(some[2].seq == first_seq + 7);
  CHECK(value_or_fail(store->read({first_seq + 18, ~std::uint64_t{0}}, 100)).size() == 2);
  CHECK(value_or_fail(store->read({first_seq + 20, first_seq + 30}, 100)).empty());
  CHECK(value_or_fail(store->read({}, 100)).empty());
}

TEST_CASE("an old set keeps the identity and layout that its source had then") {
  const Directory directory;
  const SourcePtr before = small_source();
  auto replaced = std::make_shared<Source>(*before);
  replaced->identity.serial = "2";
  replaced->fields.pop_back();
  {
    const auto store = open_or_fail(settings_for(directory.store()));
    (void)value_or_fail(store->commit(small_commit(before, 0, 1)));
    Commit commit;
    commit.sets.push_back(set_of(replaced, second, {9.5, 230.0, 231.0}));
    (void)value_or_fail(store->commit(commit));
    // The same description by another pointer is the same stored source.
    (void)value_or_fail(store->commit(small_commit(std::make_shared<Source>(*before), 2, 1)));
  }
  const auto store = open_or_fail(settings_for(directory.store()));
  const auto sets = value_or_fail(store->read({first_seq, first_seq + 2}, 10));
  REQUIRE(sets.size() == 3);
  CHECK(*sets[0].set.source == *before);
  CHECK(*sets[1].set.source == *replaced);
  CHECK(sets[1].set.values == std::vector<double>{9.5, 230.0, 231.0});
  CHECK(sets[2].set.source == sets[0].set.source);
}

TEST_CASE("totals are replaced, kept, and removed when they become absent") {
  const Directory directory;
  {
    const auto store = open_or_fail(settings_for(directory.store()));
    Commit commit;
    commit.totals = {{"scope/a/energy_j", 0.1}, {"scope/b/energy_j", 5e18}, {"scope/c/energy_j", 3}};
    (void)value_or_fail(store->commit(commit));
    commit.totals = {{"scope/a/energy_j", 0.3}, {"scope/c/energy_j", absent}};
    (void)value_or_fail(store->commit(commit));
  }
  const auto store = open_or_fail(settings_for(directory.store()));
  CHECK(store->opened().totals == Totals{{"scope/a/energy_j", 0.3}, {"scope/b/energy_j", 5e18}});
}

TEST_CASE("rows of an earlier boot are read with their own clock") {
  const Directory directory;
  {
    const auto store = open_or_fail(settings_for(directory.store()));
    (void)value_or_fail(store->commit(small_commit(small_source(), 0, 1)));
  }
  pretend_reboot(directory.store());
  const auto store = open_or_fail(settings_for(directory.store()));
  Commit commit = small_commit(small_source(), 100, 1);
  commit.sets[0].time.monotonic_us = 42;
  (void)value_or_fail(store->commit(commit));
  const auto sets = value_or_fail(store->read({first_seq, first_seq + 1}, 10));
  REQUIRE(sets.size() == 2);
  CHECK(sets[0].set.time.monotonic_us == 5'000 * second);
  CHECK(sets[1].set.time.monotonic_us == 42);
}

TEST_CASE("a commit that is thrown out by a bug leaves the store as it was") {
  const Directory directory;
  auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 2)));
  const SourcePtr other = small_source("pdu-b");
  Commit wrong = small_commit(other, 2, 2);
  wrong.exporters["nobody"] = {};
  CHECK_THROWS((void)store->commit(wrong));
  wrong = small_commit(other, 2, 2);
  wrong.sets[1].values.pop_back();
  CHECK_THROWS((void)store->commit(wrong));
  const auto committed = value_or_fail(store->commit(small_commit(other, 2, 2)));
  CHECK(committed.first_seq == first_seq + 2);
  store.reset();
  store = open_or_fail(settings_for(directory.store(), {"ems"}));
  CHECK(value_or_fail(store->read({first_seq, first_seq + 9}, 10)).size() == 4);
}

}  // namespace
}  // namespace flopwatt::store
