// Files of an open store that somebody removes, moves or replaces: the next commit has them in place again.
#include <sys/stat.h>

#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

constexpr Span all_seqs{0, ~std::uint64_t{0}};

fs::path wal_of(const Directory& directory) { return directory.store().string() + "-wal"; }
fs::path shm_of(const Directory& directory) { return directory.store().string() + "-shm"; }

/// A store with 20 sets, of which one exporter has delivered 5, on which something is done; then one more set.
struct Touched {
  Directory directory;
  std::unique_ptr<Store> store = open_or_fail(settings_for(directory.store(), {"ems"}));

  Touched() {
    Commit commit = small_commit(small_source(), 0, 20);
    commit.totals["scope/a/energy_j"] = 7;
    commit.exporters["ems"] = {DeliveryMarks(first_seq + 4), 5 * small_set_readings, 0};
    (void)value_or_fail(store->commit(small_commit(small_source(), 0, 20)));
    commit.sets.clear();
    (void)value_or_fail(store->commit(commit));
  }

  Committed commit_one() { return value_or_fail(store->commit(small_commit(small_source(), 20, 1))); }

  /// All 21 sets are there, now and at the next start, and the numbering has no hole.
  void check_whole(const Committed& committed) {
    CHECK(committed.put_back.file == directory.store().string());
    CHECK(committed.put_back.lost.empty());
    CHECK(committed.first_seq == first_seq + 20);
    const auto dropped = committed.dropped.find("ems");
    if (dropped != committed.dropped.end()) CHECK(dropped->second == 0);
    CHECK(committed.backlog.at("ems") == 16 * small_set_readings);
    CHECK(committed.total_readings == 21 * small_set_readings);
    CHECK(value_or_fail(store->read(all_seqs, 100)).size() == 21);
    CHECK(value_or_fail(store->commit({})).put_back == PutBack{});
    store.reset();
    store = open_or_fail(settings_for(directory.store(), {"ems"}));
    const Opened& opened = store->opened();
    CHECK(opened.next_seq == first_seq + 21);
    CHECK_FALSE(opened.seq_jump);
    CHECK(opened.set_aside.empty());
    CHECK(opened.totals == Totals{{"scope/a/energy_j", 7}});
    CHECK(opened.backlog.at("ems") == 16 * small_set_readings);
    CHECK(sql(directory.store(), "PRAGMA integrity_check") == "ok");
    CHECK(directory.names_with(".new").empty());
  }
};

TEST_CASE("a store whose main file is removed is written again from what is open") {
  Touched touched;
  fs::remove(touched.directory.store());
  Committed committed = touched.commit_one();
  CHECK(committed.put_back.main);
  CHECK(committed.put_back.strangers.empty());
  struct ::stat status {};
  REQUIRE(::stat(touched.directory.store().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  touched.check_whole(committed);
}

TEST_CASE("so is one of which all files are removed") {
  Touched touched;
  for (const std::string& name : touched.directory.names_with("flopwatt.db"))
    if (!name.ends_with(".lock")) fs::remove(name);
  touched.check_whole(touched.commit_one());
}

TEST_CASE("a store that was moved stays where it was moved to, and is written again") {
  Touched touched;
  const fs::path elsewhere = touched.directory.path() / "elsewhere.db";
  fs::rename(touched.directory.store(), elsewhere);
  touched.check_whole(touched.commit_one());
  CHECK(fs::exists(elsewhere));
}

TEST_CASE("what lies in the place of a store is moved aside") {
  Touched touched;
  const fs::path other = touched.directory.path() / "other.db";
  write_file(other, "of somebody else");
  write_file(other.string() + "-wal", "their log");
  fs::rename(other, touched.directory.store());
  fs::rename(other.string() + "-wal", wal_of(touched.directory));
  Committed committed = touched.commit_one();
  REQUIRE(committed.put_back.strangers.starts_with(touched.directory.store().string() + ".replaced-"));
  CHECK(file_text(committed.put_back.strangers) == "of somebody else");
  CHECK(file_text(committed.put_back.strangers + "-wal") == "their log");
  touched.check_whole(committed);
}

TEST_CASE("a store of another time that is put in its place does not mix with it") {
  Touched touched;
  const fs::path copy = touched.directory.path() / "copy.db";
  sql(touched.directory.store(), "VACUUM INTO '" + copy.string() + "'");
  sql(copy, "INSERT INTO reading_set SELECT seq + 1000, time, source, total, data FROM reading_set");
  fs::rename(copy, touched.directory.store());
  touched.check_whole(touched.commit_one());
}

TEST_CASE("a write-ahead log that is removed or replaced costs nothing") {
  Touched touched;
  SUBCASE("removed") { fs::remove(wal_of(touched.directory)); }
  SUBCASE("replaced") {
    fs::rename(wal_of(touched.directory), touched.directory.path() / "away");
    write_file(wal_of(touched.directory), "another log");
  }
  SUBCASE("its shared memory removed") { fs::remove(shm_of(touched.directory)); }
  SUBCASE("both removed") {
    fs::remove(wal_of(touched.directory));
    fs::remove(shm_of(touched.directory));
  }
  Committed committed = touched.commit_one();
  CHECK_FALSE(committed.put_back.main);
  touched.check_whole(committed);
}

TEST_CASE("a store whose directory is gone is put back when there is one again") {
  Directory above;
  const fs::path folder = above.path() / "state";
  fs::create_directory(folder);
  const auto store = open_or_fail(settings_for(folder / "flopwatt.db", {"ems"}));
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 20)));
  fs::remove_all(folder);
  for (int round = 0; round < 3; ++round) {
    const auto failed = store->commit(small_commit(small_source(), 20, 1));
    REQUIRE_FALSE(failed);
    CHECK(failed.error().message.find("was removed, moved or replaced while the agent runs") !=
          std::string::npos);
    CHECK(failed.error().message.find("make the directory") != std::string::npos);
  }
  CHECK(value_or_fail(store->read(all_seqs, 100)).size() == 20);
  fs::create_directory(folder);
  const auto committed = value_or_fail(store->commit(small_commit(small_source(), 20, 1)));
  CHECK(committed.first_seq == first_seq + 20);
  CHECK(committed.backlog.at("ems") == 21 * small_set_readings);
  CHECK(value_or_fail(store->read(all_seqs, 100)).size() == 21);
}

TEST_CASE("of a removed store that is damaged, too, everything is delivered or counted") {
  const Directory directory;
  constexpr std::size_t sets = 100'000;  // more than SQLite has in memory
  {
    (void)value_or_fail(open_or_fail(settings_for(directory.store(), {"ems"}))
                            ->commit(small_commit(small_source(), 0, sets)));
  }
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  const auto size = fs::file_size(directory.store());
  REQUIRE(size > std::uintmax_t{1} << 22);
  write_file(directory.store(), std::string(size, 'x'));  // in place: the same file
  fs::remove(directory.store());
  const auto committed = value_or_fail(store->commit(small_commit(small_source(), sets, 1)));
  CHECK(committed.put_back.main);
  CHECK_FALSE(committed.set_aside.empty());
  CHECK(committed.first_seq >= first_seq + sets);
  CHECK(committed.total_readings == (sets + 1) * small_set_readings);
  CHECK(committed.dropped.at("ems") + committed.backlog.at("ems") == (sets + 1) * small_set_readings);
  const auto newest = value_or_fail(store->read({committed.first_seq, committed.first_seq}, 100));
  CHECK(newest.size() == 1);
}

}  // namespace
}  // namespace flopwatt::store
