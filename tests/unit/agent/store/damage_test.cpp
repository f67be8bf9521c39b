// Files that are not what was written: set aside and replaced; of another version or program, or no store at
// all: refused; held by another agent: refused.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>

#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

constexpr std::uint64_t later_first_seq = first_seq + 1'000'000'000;

/// A closed store of some pages.
void make_store(const fs::path& path) {
  const auto store = open_or_fail(settings_for(path, {"ems"}));
  std::mt19937_64 random(3);
  Commit commit;
  for (int i = 0; i < 200; ++i) commit.sets.push_back(measured_set(meter_source("main"), i * second, random));
  commit.totals["scope/a/energy_j"] = 7;
  (void)value_or_fail(store->commit(commit));
}

Settings later_settings(const fs::path& path) {
  Settings settings = settings_for(path, {"ems"});
  settings.first_seq = later_first_seq;
  return settings;
}

void check_replaced(const Directory& directory, const std::string& damaged) {
  const auto store = open_or_fail(later_settings(directory.store()));
  const Opened& opened = store->opened();
  REQUIRE(opened.set_aside.find(directory.store().string() + ".corrupt-20") == 0);
  CHECK(file_text(opened.set_aside) == damaged);
  CHECK(opened.next_seq == later_first_seq);
  CHECK(opened.total_readings == 0);
  CHECK(value_or_fail(store->commit(small_commit(small_source(), 0, 3))).first_seq == later_first_seq);
  CHECK(value_or_fail(store->read({0, ~std::uint64_t{0}}, 10)).size() == 3);
}

std::vector<StoredSet> all_sets(const fs::path& path) {
  return value_or_fail(open_or_fail(settings_for(path, {"ems"}))->read({0, ~std::uint64_t{0}}, 1'000));
}

enum class Outcome { sound, some_unreadable, found_at_opening, found_when_read };

void check_same(const StoredSet& stored, const StoredSet& expected) {
  REQUIRE(stored.seq == expected.seq);
  REQUIRE(stored.set.values == expected.set.values);
  REQUIRE(stored.set.time == expected.set.time);
  REQUIRE(*stored.set.source == *expected.set.source);
}

/// What was read from a file that may be damaged must be what was written; and commits go on in any case.
Outcome check_sound_or_set_aside(Store& store, const std::vector<StoredSet>& expected) {
  Outcome outcome = Outcome::found_at_opening;
  if (store.opened().set_aside.empty()) {
    const auto sets = store.read({0, ~std::uint64_t{0}}, 1'000);
    outcome = sets ? Outcome::sound : Outcome::found_when_read;
    if (sets) {
      if (sets->size() < expected.size()) outcome = Outcome::some_unreadable;
      for (const StoredSet& stored : *sets) {
        REQUIRE(stored.seq >= first_seq);
        REQUIRE(stored.seq - first_seq < expected.size());
        check_same(stored, expected[stored.seq - first_seq]);
      }
      CHECK(store.opened().totals == Totals{{"scope/a/energy_j", 7}});
    }
  }
  // A commit may be what finds the damage: then the next one goes on.
  auto committed = store.commit(small_commit(small_source(), 0, 1));
  if (!committed) committed = store.commit(small_commit(small_source(), 0, 1));
  REQUIRE(committed);
  if (outcome == Outcome::some_unreadable)
    CHECK((!committed->unreadable.empty() || store.opened().seq_jump));  // said in any case
  return outcome;
}

/// Of what was a store only the first bytes are left.
std::string garbage_behind_magic() { return std::string("SQLite format 3\0", 16) + std::string(20'000, 'x'); }

TEST_CASE("garbage in place of all but the beginning of the file is set aside, and so are zeros") {
  for (const std::string& damaged :
       {garbage_behind_magic(), std::string(20'000, '\0'), std::string(100, '\0')}) {
    const Directory directory;
    write_file(directory.store(), damaged);
    check_replaced(directory, damaged);
  }
}

/// Store::open() on what is there, which must leave everything as it was. Returns the message.
std::string refused(const fs::path& store, const Directory& directory) {
  const auto before = directory.names_with("");
  const auto opened = Store::open(settings_for(store));
  REQUIRE_FALSE(opened);
  CHECK(directory.names_with("") == before);
  CHECK(opened.error().message.find(store.string()) != std::string::npos);
  return opened.error().message;
}

TEST_CASE("a file that never was a store is refused and left alone") {
  for (const std::string& text :
       {std::string("node: rack-r12\n"), std::string(20'000, 'x'), std::string("\0x", 2)}) {
    const Directory directory;
    write_file(directory.store(), text);
    CHECK(refused(directory.store(), directory).find("it is no store") != std::string::npos);
    CHECK(file_text(directory.store()) == text);
  }
}

TEST_CASE("a place that cannot hold a store: nothing is made there, and the cure fits") {
  const Directory directory;
  fs::create_directory(directory.store());
  REQUIRE(::mkfifo((directory.path() / "pipe").c_str(), 0600) == 0);
  write_file(directory.path() / "file", "");
  const auto says = [&directory](const std::string& name, const std::string& part) {
    CAPTURE(name);
    CHECK(refused(directory.path() / name, directory).find(part) != std::string::npos);
  };
  const std::string root = directory.path().string();
  says("flopwatt.db", "it is a directory; set store.path to the path of a file");
  says("pipe", "it is no regular file");
  says("missing/flopwatt.db", "No such file or directory; make the directory " + root + "/missing or set");
  says("file/flopwatt.db", "Not a directory; make " + root + "/file a directory or set");
}

TEST_CASE("a truncated file is set aside") {
  for (const std::size_t size :
       {std::size_t{17}, std::size_t{4096}, std::size_t{10'000}, std::size_t{28'000}}) {
    const Directory directory;
    make_store(directory.store());
    const std::string part = file_text(directory.store()).substr(0, size);
    REQUIRE(part.size() == size);
    write_file(directory.store(), part);
    check_replaced(directory, part);
  }
}

TEST_CASE("a page of zeros is found when the store is opened") {
  const Directory original;
  make_store(original.store());
  const std::string good = file_text(original.store());
  const auto expected = all_sets(original.store());
  const std::size_t pages = good.size() / 4096;
  REQUIRE(pages > 10);
  std::size_t found = 0;
  for (std::size_t page = 0; page < pages; ++page) {
    CAPTURE(page);
    const Directory directory;
    std::string text = good;
    std::fill_n(text.begin() + static_cast<std::ptrdiff_t>(page * 4096), 4096, '\0');
    write_file(directory.store(), text);
    const auto store = open_or_fail(later_settings(directory.store()));
    if (check_sound_or_set_aside(*store, expected) == Outcome::found_at_opening) ++found;
  }
  // But for one that holds the rest of a long key, without which only a look-up is lost.
  CHECK(found >= pages - 1);
}

TEST_CASE("the write-ahead log of a damaged file is kept with it") {
  const Directory directory;
  make_store(directory.store());
  const Directory crashed;
  const std::string wal = crashed.store().string() + "-wal";
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    (void)value_or_fail(store->commit(small_commit(small_source(), 0, 3)));
    fs::copy(directory.store().string() + "-wal", wal);
    std::string text = file_text(directory.store());
    std::fill_n(text.begin() + 4096 * 9, 4096, '\0');
    write_file(crashed.store(), text);
  }
  const std::string before = file_text(wal);
  REQUIRE_FALSE(before.empty());
  const auto store = open_or_fail(later_settings(crashed.store()));
  REQUIRE_FALSE(store->opened().set_aside.empty());
  CHECK(file_text(store->opened().set_aside + "-wal") == before);
}

TEST_CASE("a mark, count or total that is not what was written is noticed") {
  for (const char* change : {"UPDATE exporter SET delivered = delivered + 1",
                             "UPDATE exporter SET low = low - 1", "UPDATE exporter SET name = 'fleet'",
                             "UPDATE total SET value = 8", "UPDATE total SET name = 'scope/b/energy_j'",
                             "UPDATE boot SET origin_us = 0", "DELETE FROM beginning", "DROP TABLE total"}) {
    CAPTURE(change);
    const Directory directory;
    make_store(directory.store());
    sql(directory.store(), change);
    CHECK_FALSE(open_or_fail(later_settings(directory.store()))->opened().set_aside.empty());
  }
}

TEST_CASE("an empty file is a new store, not a damaged one") {
  const Directory directory;
  write_file(directory.store(), "");
  CHECK(open_or_fail(settings_for(directory.store()))->opened().set_aside.empty());
}

TEST_CASE("two damaged files in one second are both kept") {
  const Directory directory;
  for (int i = 0; i < 3; ++i) {
    write_file(directory.store(), garbage_behind_magic());
    (void)open_or_fail(settings_for(directory.store()));
  }
  CHECK(directory.names_with(".corrupt-").size() == 3);
}

TEST_CASE("whatever byte is flipped, what is read is what was written, or the file is set aside") {
  const Directory original;
  make_store(original.store());
  const std::string good = file_text(original.store());
  const auto expected = all_sets(original.store());
  std::mt19937_64 random(11);
  int noticed = 0;
  for (int round = 0; round < 400; ++round) {
    const Directory directory;
    std::string bad = good;
    // A third of them in the headers, where they do most.
    const std::size_t at = round % 3 == 0 ? random() % 200 : random() % bad.size();
    bad[at] = static_cast<char>(bad[at] ^ static_cast<char>(1 + random() % 255));
    write_file(directory.store(), bad);
    CAPTURE(at);
    const auto opened = Store::open(later_settings(directory.store()));
    if (!opened) {
      // Without the mark a header that says "newer version" is believed: refused, nothing touched.
      CHECK(at >= 60);
      CHECK(at < 64);
      CHECK(file_text(directory.store()) == bad);
      continue;
    }
    if (check_sound_or_set_aside(**opened, expected) != Outcome::sound) ++noticed;
  }
  CHECK(noticed > 100);
}

TEST_CASE(
    "damage that shows while it runs: the next commit goes on in a new file, and what was lost is counted") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  Commit commit = small_commit(small_source(), 0, 100);
  commit.totals["scope/a/energy_j"] = 7;
  (void)value_or_fail(store->commit(commit));
  // A table is gone behind the store's back.
  sql(directory.store(), "DROP TABLE reading_set");

  const auto failed = store->read({first_seq, first_seq + 99}, 100);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message.find("set aside") != std::string::npos);
  CHECK_FALSE(store->read({first_seq, first_seq}, 1));

  Commit next = small_commit(small_source(), 100, 10);
  next.exporters["ems"] = {DeliveryMarks(first_seq + 29), 30 * small_set_readings, 0};
  const auto committed = value_or_fail(store->commit(next));
  CHECK(committed.set_aside.find(".corrupt-") != std::string::npos);
  CHECK(committed.first_seq >= first_seq + 100);
  CHECK(committed.removed == Span{first_seq, committed.first_seq - 1});
  CHECK(committed.dropped.at("ems") == 70 * small_set_readings);
  CHECK(committed.backlog.at("ems") == 10 * small_set_readings);
  CHECK(committed.total_readings == 110 * small_set_readings);
  CHECK(value_or_fail(store->read({0, ~std::uint64_t{0}}, 100)).size() == 10);
  const auto after = value_or_fail(store->commit(small_commit(small_source(), 110, 1)));
  CHECK(after.first_seq == committed.first_seq + 10);
  CHECK(after.removed.empty());
  CHECK(after.set_aside.empty());
}

TEST_CASE("totals and counts go on in the file that replaces a damaged one") {
  const Directory directory;
  std::uint64_t next_seq = 0;
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    Commit commit = small_commit(small_source(), 0, 10);
    commit.totals["scope/a/energy_j"] = 7;
    (void)value_or_fail(store->commit(commit));
    sql(directory.store(), "DROP TABLE reading_set");
    REQUIRE_FALSE(store->read({first_seq, first_seq}, 1));
    next_seq = value_or_fail(store->commit({})).first_seq;
  }
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  CHECK(store->opened().next_seq == next_seq);
  CHECK(store->opened().total_readings == 10 * small_set_readings);
  CHECK(store->opened().totals.at("scope/a/energy_j") == 7);
  CHECK(store->opened().exporters.at("ems").dropped == 10 * small_set_readings);
  CHECK(store->opened().backlog.at("ems") == 0);
}

TEST_CASE(
    "a header with one bit flipped is no other program's and no newer version's where the mark is there") {
  const Directory directory;
  make_store(directory.store());
  const std::string good = file_text(directory.store());
  const auto expected = all_sets(directory.store());
  std::size_t set_aside = 0;
  for (std::size_t bit = 0; bit < 800; ++bit) {
    CAPTURE(bit);
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ static_cast<char>(1 << (bit % 8)));
    // In place: the mark is of this inode.
    write_file(directory.store(), bad);
    const auto opened = Store::open(later_settings(directory.store()));
    REQUIRE(opened);
    if ((*opened)->opened().set_aside.empty()) continue;
    ++set_aside;
    CHECK(file_text((*opened)->opened().set_aside) == bad);
  }
  CHECK(set_aside > 64);
}

TEST_CASE("a file of a newer version is refused and left alone") {
  const Directory directory;
  make_store(directory.store());
  sql(directory.store(), "PRAGMA user_version = 99");
  fs::remove(directory.store().string() + ".seq");  // a newer one would have its version in the mark, too
  const std::string before = file_text(directory.store());
  const auto store = Store::open(settings_for(directory.store()));
  REQUIRE_FALSE(store);
  CHECK(store.error().message.find("newer flopwatt") != std::string::npos);
  CHECK(store.error().message.find(directory.store().string()) != std::string::npos);
  CHECK(file_text(directory.store()) == before);
  CHECK(directory.names_with(".corrupt-").empty());
}

TEST_CASE("another program's database is refused and left alone") {
  const Directory directory;
  sql(directory.store(), "CREATE TABLE theirs(a)");
  const std::string before = file_text(directory.store());
  const auto store = Store::open(settings_for(directory.store()));
  REQUIRE_FALSE(store);
  CHECK(store.error().message.find("another program") != std::string::npos);
  CHECK(file_text(directory.store()) == before);
}

TEST_CASE("a second agent on the same file is refused, and let in when the first has gone") {
  const Directory directory;
  auto first = open_or_fail(settings_for(directory.store()));
  const auto second_agent = Store::open(settings_for(directory.store()));
  REQUIRE_FALSE(second_agent);
  CHECK(second_agent.error().message.find("another agent (process " + std::to_string(::getpid()) +
                                          ") holds it") != std::string::npos);
  (void)value_or_fail(first->commit(small_commit(small_source(), 0, 1)));
  first.reset();
  CHECK(open_or_fail(settings_for(directory.store()))->opened().next_seq == first_seq + 1);
}

TEST_CASE("a program that the agent starts does not inherit the lock") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store()));
  int locks = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (fs::read_symlink(entry.path(), gone).extension() != ".lock") continue;
    ++locks;
    CHECK((::fcntl(std::stoi(entry.path().filename().string()), F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(locks == 1);
}

TEST_CASE("the lock ends with the process, however it ends") {
  const Directory directory;
  const ::pid_t child = ::fork();
  if (child == 0) {
    const auto store = Store::open(settings_for(directory.store()));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(Store::open(settings_for(directory.store())));
}

}  // namespace
}  // namespace flopwatt::store
