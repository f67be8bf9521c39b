// A seq names one set for ever: whatever is damaged, removed or put back between two starts, no seq that was
// given out is given out again, and where nothing is missing the numbering goes on by one.
#include <sys/mman.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <thread>

#include "agent/store/files.h"
#include "agent/store/holes.h"
#include "agent/store/reader.h"
#include "agent/store/seq_mark.h"
#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

constexpr std::size_t sets_a_commit = 5;
constexpr std::size_t most_commits = 64;

/// A clock that says nothing: what keeps seqs apart must be the mark.
Settings timeless_settings(const fs::path& path) {
  Settings settings = settings_for(path, {"ems"});
  settings.first_seq = 1'000;
  return settings;
}

/// All sets that were ever given out, by seq, across the starts of agents on one path.
class Told {
 public:
  explicit Told(fs::path path) : path_(std::move(path)) {}

  /// An agent stores sets, one commit after the other, and is killed by SIGKILL.
  void live_and_be_killed(std::size_t commits) {
    REQUIRE(commits <= most_commits);
    void* const memory = ::mmap(nullptr, most_commits * sizeof(std::uint64_t), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    auto* const first_seqs = static_cast<std::uint64_t*>(memory);
    const ::pid_t child = ::fork();
    if (child == 0) {
      const auto store = Store::open(timeless_settings(path_));
      for (std::size_t i = 0; store && i < commits; ++i)
        if (const auto committed = (*store)->commit(next_commit(i))) first_seqs[i] = committed->first_seq;
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    for (std::size_t i = 0; i < commits; ++i) {
      REQUIRE(first_seqs[i] != 0);
      tell(first_seqs[i]);
    }
    ::munmap(memory, most_commits * sizeof(std::uint64_t));
  }

  /// An agent stores sets and stops in order. Returns what it found when it started.
  Opened live_and_stop(std::size_t commits) {
    const auto store = open_or_fail(timeless_settings(path_));
    for (std::size_t i = 0; i < commits; ++i) tell(value_or_fail(store->commit(next_commit(0))).first_seq);
    return store->opened();
  }

  /// What is stored is what was told under that seq. Returns the number of sets.
  std::size_t check_stored(Store& store) const {
    const auto sets = value_or_fail(store.read({0, ~std::uint64_t{0}}, 1'000'000));
    for (const StoredSet& stored : sets) {
      REQUIRE(sets_.contains(stored.seq));
      REQUIRE(stored.set.values[0] == sets_.at(stored.seq));
    }
    return sets.size();
  }

  [[nodiscard]] std::uint64_t newest() const { return sets_.rbegin()->first; }
  [[nodiscard]] std::size_t size() const { return sets_.size(); }

 private:
  [[nodiscard]] Commit next_commit(std::size_t ahead) const {
    return small_commit(small_source(), static_cast<std::int64_t>(sets_.size() + ahead * sets_a_commit),
                        sets_a_commit);
  }
  void tell(std::uint64_t first) {
    for (std::size_t i = 0; i < sets_a_commit; ++i) {
      const auto value = static_cast<double>(sets_.size());
      REQUIRE_MESSAGE(sets_.emplace(first + i, value).second, "seq " << first + i << " names a second set");
    }
  }

  fs::path path_;
  std::map<std::uint64_t, double> sets_;
};

fs::path wal_of(const fs::path& store) { return store.string() + "-wal"; }

/// The next start says that it is not certain that all is there, goes on above all that was told, and the one
/// after it goes on by one. Returns what the first said.
SeqJump check_jump(Told& told, const fs::path& path) {
  const std::uint64_t newest = told.newest();
  const std::size_t before = told.size();
  std::size_t stored = 0;
  Opened opened;
  {
    const auto store = open_or_fail(timeless_settings(path));
    opened = store->opened();
    stored = told.check_stored(*store);
    CHECK(opened.backlog.at("ems") == stored * small_set_readings);
  }
  REQUIRE(opened.seq_jump);
  CHECK(opened.next_seq > newest);
  if (opened.seq_jump->lost_sets) CHECK(*opened.seq_jump->lost_sets == before - stored);
  CHECK_FALSE(told.live_and_stop(3).seq_jump);
  const auto store = open_or_fail(timeless_settings(path));
  CHECK_FALSE(store->opened().seq_jump);
  CHECK(store->opened().next_seq == told.newest() + 1);
  CHECK(told.check_stored(*store) == stored + 3 * sets_a_commit);
  CHECK(store->opened().backlog.at("ems") == (stored + 3 * sets_a_commit) * small_set_readings);
  return *opened.seq_jump;
}

TEST_CASE("a stop in order, and a kill that damages nothing: it goes on by one, and nothing is said") {
  const Directory directory;
  Told told(directory.store());
  for (int round = 0; round < 5; ++round) {
    if (round % 2 == 0)
      told.live_and_be_killed(7);
    else
      CHECK_FALSE(told.live_and_stop(7).seq_jump);
    const auto store = open_or_fail(timeless_settings(directory.store()));
    CHECK_FALSE(store->opened().seq_jump);
    CHECK(store->opened().next_seq == told.newest() + 1);
    CHECK(told.check_stored(*store) == told.size());
  }
  CHECK(told.newest() - 1'000 + 1 == told.size());
}

TEST_CASE("a write-ahead log that was damaged, cut or removed after a kill: no seq names another set") {
  const std::map<std::string, std::function<void(const fs::path&)>> damages = {
      {"one bit at a quarter",
       [](const fs::path& wal) {
         std::string text = file_text(wal);
         text[text.size() / 4] = static_cast<char>(text[text.size() / 4] ^ 1);
         write_file(wal, text);
       }},
      {"cut to half", [](const fs::path& wal) { fs::resize_file(wal, fs::file_size(wal) / 2); }},
      {"removed", [](const fs::path& wal) { fs::remove(wal); }},
  };
  for (const auto& [name, damage] : damages) {
    CAPTURE(name);
    const Directory directory;
    Told told(directory.store());
    (void)told.live_and_stop(10);
    for (int round = 0; round < 3; ++round) {
      told.live_and_be_killed(40);
      damage(wal_of(directory.store()));
      const std::uint64_t newest = told.newest();
      const Opened opened = told.live_and_stop(1);
      REQUIRE(opened.seq_jump);
      CHECK(opened.next_seq > newest);
      CHECK(opened.seq_jump->lost_sets.value() > 0);
      CHECK(opened.seq_jump->lost_sets.value() <= 40 * sets_a_commit);
    }
    const auto store = open_or_fail(timeless_settings(directory.store()));
    CHECK_FALSE(store->opened().seq_jump);
    (void)told.check_stored(*store);
  }
}

TEST_CASE("the number of missing sets is exact, and what is there stays to be delivered") {
  const Directory directory;
  Told told(directory.store());
  told.live_and_be_killed(40);
  fs::resize_file(wal_of(directory.store()), fs::file_size(wal_of(directory.store())) / 2);
  CHECK(check_jump(told, directory.store()).lost_sets.value() > 0);
}

TEST_CASE("the mark is missing, unreadable or an old one: the numbering jumps") {
  const std::map<std::string, std::function<void(const fs::path&)>> changes = {
      {"missing", [](const fs::path& mark) { fs::remove(mark); }},
      {"empty", [](const fs::path& mark) { write_file(mark, ""); }},
      {"garbage", [](const fs::path& mark) { write_file(mark, std::string(256, 'x')); }},
      {"both slots damaged",
       [](const fs::path& mark) {
         std::string text = file_text(mark);
         text[30] = static_cast<char>(text[30] ^ 1);
         text[158] = static_cast<char>(text[158] ^ 1);
         write_file(mark, text);
       }},
  };
  for (const auto& [name, change] : changes) {
    CAPTURE(name);
    const Directory directory;
    Told told(directory.store());
    told.live_and_be_killed(4);
    (void)told.live_and_stop(4);
    change(mark_path(directory.store()));
    CHECK(check_jump(told, directory.store()).lost_sets == std::nullopt);
  }
}

TEST_CASE("one slot of the mark is damaged, and the newest commit lost: the other slot is not trusted") {
  for (const std::size_t at : {std::size_t{30}, std::size_t{158}}) {
    const Directory directory;
    Told told(directory.store());
    (void)told.live_and_stop(4);
    told.live_and_be_killed(1);
    std::string text = file_text(mark_path(directory.store()));
    text[at] = static_cast<char>(text[at] ^ 1);
    write_file(mark_path(directory.store()), text);
    fs::remove(wal_of(directory.store()));
    CHECK(told.live_and_stop(4).seq_jump);
  }
}

TEST_CASE("a store of a version without marks is taken as it is, once") {
  const Directory directory;
  Told told(directory.store());
  (void)told.live_and_stop(4);
  const fs::path mark = mark_path(directory.store());
  fs::remove(mark);
  sql(directory.store(), "DROP TABLE hole");
  {
    const auto store = open_or_fail(timeless_settings(directory.store()));
    CHECK_FALSE(store->opened().seq_jump);
    CHECK(store->opened().next_seq == told.newest() + 1);
  }
  CHECK(fs::exists(mark));
  (void)told.live_and_stop(4);
  fs::remove(mark);
  CHECK(check_jump(told, directory.store()).reason.find("missing") != std::string::npos);
}

/// Long enough after the last write that a copy is not of the same moment.
void let_time_pass() { std::this_thread::sleep_for(std::chrono::milliseconds(1'100)); }

void put_back(const fs::path& copy, const fs::path& folder, bool in_place) {
  if (!in_place)
    for (const auto& entry : fs::directory_iterator(folder)) fs::remove(entry.path());
  // The lock file always is another one's.
  for (const auto& entry : fs::directory_iterator(copy))
    fs::copy_file(entry.path(), folder / entry.path().filename(), fs::copy_options::overwrite_existing);
}

TEST_CASE("an older copy of the folder is put back: the numbering goes on above what the copy knows") {
  struct Scenario {
    Directory directory, copy;
    Told told{directory.store()};
    bool killed = false, in_place = false;
  };
  std::vector<std::unique_ptr<Scenario>> scenarios;
  for (const bool killed : {false, true})
    for (const bool in_place : {false, true}) {
      auto& scenario = *scenarios.emplace_back(std::make_unique<Scenario>());
      scenario.killed = killed;
      scenario.in_place = in_place;
      (void)scenario.told.live_and_stop(4);
      if (killed) scenario.told.live_and_be_killed(4);
      put_back(scenario.directory.path(), scenario.copy.path(), true);
      (void)scenario.told.live_and_stop(4);
    }
  let_time_pass();
  for (auto& scenario : scenarios) {
    CAPTURE(scenario->killed);
    CAPTURE(scenario->in_place);
    put_back(scenario->copy.path(), scenario->directory.path(), scenario->in_place);
    const SeqJump jump = check_jump(scenario->told, scenario->directory.store());
    CHECK(jump.reason.find("copied") != std::string::npos);
  }
}

TEST_CASE("an older copy of the main file alone: the mark is above it, and says how many sets are missing") {
  for (const bool in_place : {true, false}) {
    CAPTURE(in_place);
    const Directory directory;
    Told told(directory.store());
    (void)told.live_and_stop(4);
    const std::string old = file_text(directory.store());
    (void)told.live_and_stop(4);
    if (!in_place) fs::rename(directory.store(), directory.path() / "away");
    write_file(directory.store(), old);
    const SeqJump jump = check_jump(told, directory.store());
    if (in_place) CHECK(jump.lost_sets == 4 * sets_a_commit);
  }
}

TEST_CASE("the store removed, or set aside as damaged: the new one begins above the old one's seqs") {
  for (const bool removed : {true, false}) {
    CAPTURE(removed);
    const Directory directory;
    Told told(directory.store());
    told.live_and_be_killed(4);
    fs::remove(wal_of(directory.store()));
    if (removed)
      fs::remove(directory.store());
    else
      write_file(directory.store(), std::string("SQLite format 3\0", 16) + std::string(20'000, 'x'));
    const std::uint64_t newest = told.newest();
    const Opened opened = told.live_and_stop(4);
    CHECK(opened.next_seq > newest);
    CHECK(opened.set_aside.empty() == removed);
    CHECK(opened.seq_jump.has_value() == removed);
  }
}

TEST_CASE("more than a block of sets, then another boot without a stop: above all that was reserved") {
  const Directory directory;
  std::uint64_t next = 0;
  {
    const auto store = open_or_fail(timeless_settings(directory.store()));
    std::int64_t at = 0;
    for (int i = 0; i < 14; ++i, at += 5'000)
      next = value_or_fail(store->commit(small_commit(small_source(), at, 5'000))).first_seq + 5'000;
    const auto state = find_seq_mark(directory.store()).state.value();
    CHECK(state.committed == next - 1);
    CHECK(state.reserved >= next - 1);
    CHECK(state.reserved > 1'000 + SeqMark::block);
    CHECK_FALSE(state.stopped);
  }
  const FoundSeqMark mark = find_seq_mark(directory.store());
  CHECK(mark.state.value().stopped);
  {
    SeqMark elsewhere(directory.store(), "another boot");
    REQUIRE(elsewhere.begin(next, mark));
  }
  const auto store = open_or_fail(timeless_settings(directory.store()));
  REQUIRE(store->opened().seq_jump);
  CHECK(store->opened().seq_jump->lost_sets == std::nullopt);
  CHECK(store->opened().seq_jump->reason.find("went down") != std::string::npos);
  CHECK(store->opened().next_seq == next + SeqMark::block);
}

TEST_CASE("a kill in the middle of a commit loses nothing, whether the commit is there or not") {
  SeqMarkState state{7, 1'000, 1'009, 1'014, 66'000, 5, false, 0, "boot"};
  const auto judged = [&state](std::uint64_t newest) {
    return judge_seqs({true, state, true}, {newest + 1, 5, "boot", true, false});
  };
  CHECK_FALSE(judged(1'009));
  CHECK_FALSE(judged(1'014));
  CHECK(judged(1'008).value().lost_sets == 1);
  CHECK(judged(999).value().lost_sets == 10);
  CHECK(judged(998).value().lost_sets == std::nullopt);  // what was before the last jump is missing, too
  CHECK(judged(1'015));
}

TEST_CASE("the clock is above the mark: the numbering jumps to the clock") {
  const Directory directory;
  Told told(directory.store());
  (void)told.live_and_stop(4);
  fs::remove(mark_path(directory.store()));
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  CHECK(store->opened().next_seq == first_seq);
}

TEST_CASE("over a jump, limits remove old sets, reads go on, and counts stay exact") {
  const Directory directory;
  Settings settings = timeless_settings(directory.store());
  settings.max_size_bytes = 1 << 20;
  std::mt19937_64 random(9);
  const SourcePtr source = meter_source("main");
  std::uint64_t stored = 0, dropped = 0;
  for (int round = 0; round < 6; ++round) {
    fs::remove(mark_path(directory.store()));  // a jump at each start
    settings.first_seq += 1'000'000;
    const auto store = open_or_fail(settings);
    CHECK(store->opened().seq_jump.has_value() == (round > 0));
    CHECK(store->opened().next_seq == settings.first_seq);
    for (int i = 0; i < 30; ++i) {
      Commit commit;
      for (int j = 0; j < 50; ++j)
        commit.sets.push_back(measured_set(source, static_cast<std::int64_t>(stored) * second, random));
      const auto committed = value_or_fail(store->commit(commit));
      stored += 50;
      if (!committed.removed.empty()) dropped += committed.dropped.at("ems");
      REQUIRE(committed.backlog.at("ems") + dropped == stored * source->fields.size());
    }
    const auto sets = value_or_fail(store->read({0, ~std::uint64_t{0}}, 1'000'000));
    CHECK(sets.size() * source->fields.size() + dropped == stored * source->fields.size());
    CHECK(sets.size() > 500);
    // From the newest back, over all holes.
    std::size_t seen = 0;
    std::uint64_t end = store->opened().next_seq + 1'000'000;
    for (auto chunk = value_or_fail(store->read_before(end, 333)); !chunk.empty();
         chunk = value_or_fail(store->read_before(end, 333))) {
      REQUIRE(chunk.back().seq == sets[sets.size() - seen - 1].seq);
      seen += chunk.size();
      end = chunk.front().seq;
    }
    CHECK(seen == sets.size());
  }
  CHECK(dropped > 0);
}

TEST_CASE("a commit without sets after a jump removes nothing that must stay, and a missing row is noticed") {
  const Directory directory;
  Told told(directory.store());
  (void)told.live_and_stop(4);
  fs::remove(mark_path(directory.store()));
  Settings settings = timeless_settings(directory.store());
  settings.max_age = std::chrono::seconds(1);
  settings.first_seq = 50'000;
  const auto store = open_or_fail(settings);
  REQUIRE(store->opened().next_seq == 50'000);
  for (int i = 0; i < 3; ++i) (void)value_or_fail(store->commit({}));
  REQUIRE(value_or_fail(store->read_before(~std::uint64_t{0}, 1)).size() == 1);
  (void)value_or_fail(store->commit(small_commit(small_source(), 1'000, 5)));
  const auto sets = value_or_fail(store->read({0, ~std::uint64_t{0}}, 100));
  CHECK(sets.back().seq == 50'004);
  sql(directory.store(), "DELETE FROM reading_set WHERE seq = " + std::to_string(50'004));
  CHECK(value_or_fail(store->read({0, ~std::uint64_t{0}}, 100)).size() == sets.size() - 1);
  CHECK(value_or_fail(store->commit({})).unreadable.at(0).seqs == Span{50'004, 50'004});
}

TEST_CASE("a hole that is not what was written is noticed") {
  const Directory directory;
  Told told(directory.store());
  (void)told.live_and_stop(4);
  fs::remove(mark_path(directory.store()));
  CHECK(open_or_fail(settings_for(directory.store(), {"ems"}))->opened().next_seq == first_seq);
  (void)told.live_and_stop(4);
  sql(directory.store(), "UPDATE hole SET last = last + 1");
  const std::uint64_t newest = told.newest();
  const Opened opened = told.live_and_stop(4);
  CHECK_FALSE(opened.set_aside.empty());
  CHECK(opened.next_seq > newest);
}

TEST_CASE("who reads a store touches no mark") {
  const Directory directory;
  Told told(directory.store());
  (void)told.live_and_stop(4);
  const auto store = open_or_fail(timeless_settings(directory.store()));
  (void)value_or_fail(store->commit(small_commit(small_source(), 1'000, 5)));
  const auto read_all = [&] {
    const auto reader = value_or_fail(Reader::open(directory.store()));
    Span rest = value_or_fail(reader->span());
    std::size_t rows = 0;
    while (!rest.empty())
      rows += value_or_fail(reader->next(rest, [](const Row&) { return true; })).items.size();
    return rows;
  };
  const fs::path mark = mark_path(directory.store());
  const std::string before = file_text(mark);
  const auto written = fs::last_write_time(mark);
  CHECK(read_all() == 25);
  CHECK(file_text(mark) == before);
  CHECK(fs::last_write_time(mark) == written);
}

TEST_CASE("the mark removed while the agent runs is made again, also by a stop") {
  const Directory directory;
  auto store = open_or_fail(timeless_settings(directory.store()));
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 5)));
  fs::remove(mark_path(directory.store()));
  (void)value_or_fail(store->commit(small_commit(small_source(), 5, 5)));
  CHECK(fs::exists(mark_path(directory.store())));
  store.reset();
  store = open_or_fail(timeless_settings(directory.store()));
  CHECK_FALSE(store->opened().seq_jump);
  CHECK(store->opened().next_seq == 1'010);
}

TEST_CASE("any bit flipped in the first 16 bytes: it is a damaged store, not no store") {
  const Directory original;
  Told told(original.store());
  (void)told.live_and_stop(4);
  const std::string good = file_text(original.store());
  for (std::size_t bit = 0; bit < 16 * 8; bit += 7) {
    CAPTURE(bit);
    const Directory directory;
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    write_file(directory.store(), bad);
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    CHECK(file_text(store->opened().set_aside) == bad);
    CHECK(store->opened().next_seq == first_seq);
  }
}

TEST_CASE("what an agent left beside a file says that the file was its store") {
  const std::map<std::string, std::string> companions = {
      {".lock", "4711\n"}, {"-wal", std::string("\x37\x7f\x06\x82", 4) + std::string(28, '\0')}};
  for (const auto& [suffix, text] : companions) {
    CAPTURE(suffix);
    const Directory directory;
    write_file(directory.store(), std::string(20'000, 'x'));
    write_file(directory.store().string() + suffix, text);
    CHECK_FALSE(open_or_fail(settings_for(directory.store()))->opened().set_aside.empty());
  }
  const Directory directory;
  Told told(directory.store());
  (void)told.live_and_stop(4);
  fs::remove(directory.store().string() + ".lock");
  write_file(directory.store(), std::string(20'000, 'x'));
  CHECK_FALSE(open_or_fail(timeless_settings(directory.store()))->opened().set_aside.empty());

  // Another program's lock says nothing.
  const Directory other;
  write_file(other.store(), std::string(20'000, 'x'));
  write_file(other.store().string() + ".lock", "held by make\n");
  CHECK_FALSE(Store::open(settings_for(other.store())));
}

TEST_CASE("holes: skipping, counting and walking over them") {
  Holes holes;
  CHECK(holes.skip(5) == 5);
  CHECK(holes.count_up(5, 3) == 7);
  CHECK(holes.count_down(5, 3) == 3);
  holes.add({10, 19});
  holes.add({20, 29});
  holes.add({40, 49});
  CHECK(holes.skip(9) == 9);
  CHECK(holes.skip(10) == 30);
  CHECK(holes.skip(49) == 50);
  CHECK(holes.within({5, 44}) == 25);
  CHECK(holes.within({30, 39}) == 0);
  CHECK(holes.count_up(5, 5) == 9);
  CHECK(holes.count_up(5, 6) == 30);
  CHECK(holes.count_up(5, 15) == 39);
  CHECK(holes.count_up(5, 16) == 50);
  CHECK(holes.count_up(12, 1) == 30);
  CHECK(holes.count_down(50, 1) == 50);
  CHECK(holes.count_down(50, 2) == 39);
  CHECK(holes.count_down(45, 10) == 30);
  CHECK(holes.count_down(45, 11) == 9);
  CHECK(holes.count_down(45, 100) == 1);
  holes.forget_through(29);
  CHECK(holes.skip(15) == 15);
  CHECK(holes.end() == 49);
}

}  // namespace
}  // namespace flopwatt::store
