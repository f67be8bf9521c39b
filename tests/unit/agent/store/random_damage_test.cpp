// 500 agents that are killed, each followed by random damage to the store, its write-ahead log or its mark before the
// next start: a store is there, no seq is given a second time, no changed value is read, counts add up, and whatever is
// missing is counted or said.
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>

#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

constexpr int rounds = 500;
constexpr std::size_t commits_of_a_life = 12;
constexpr std::size_t sets_of_a_commit = 40;
constexpr std::uint64_t given_out = commits_of_a_life * sets_of_a_commit;

ReadingSet told_set(const std::vector<SourcePtr>& sources, std::uint64_t index) {
  std::mt19937_64 random(index);
  return measured_set(sources[index % sources.size()], static_cast<std::int64_t>(index) * second, random);
}

std::vector<SourcePtr> told_sources() {
  return {meter_source("main"), meter_source("pdu-a"), meter_source("pdu-b")};
}

/// Commits, delivers a third of it, and is killed. Half of them have begun on a store that was closed in order.
void live_and_die(const fs::path& path, bool closes_once) {
  const ::pid_t child = ::fork();
  if (child == 0) {
    const auto sources = told_sources();
    auto store = open_or_fail(settings_for(path, {"ems"}));
    std::uint64_t index = 0;
    for (std::size_t i = 0; i < commits_of_a_life; ++i) {
      Commit commit;
      for (std::size_t k = 0; k < sets_of_a_commit; ++k) commit.sets.push_back(told_set(sources, index++));
      commit.totals["scope/a/energy_j"] = static_cast<double>(i);
      if (i == commits_of_a_life / 3) commit.exporters["ems"] = {DeliveryMarks(first_seq + 79), 80 * 26, 0};
      if (!store->commit(commit)) ::_exit(1);
      if (closes_once && i == commits_of_a_life / 2) {
        store.reset();
        store = open_or_fail(settings_for(path, {"ems"}));
      }
    }
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

/// In place, as a disk does it.
std::string damage(const fs::path& store, std::mt19937_64& random) {
  const auto below = [&](std::size_t end) {
    return static_cast<std::size_t>(random() % std::max<std::size_t>(1, end));
  };
  const std::string suffix = std::array{"", "", "-wal", "-wal", ".seq", "-shm"}.at(below(6));
  const fs::path path = store.string() + suffix;
  std::string text = file_text(path);
  const std::size_t kind = below(7);
  const std::size_t page = below(text.size() / 4096 + 1) * 4096;
  const std::size_t length = std::min<std::size_t>(4096, text.size() - std::min(page, text.size()));
  if (text.empty()) return "nothing: " + suffix + " is empty";
  if (kind < 2)
    for (std::size_t i = 0; i < (kind == 0 ? 1 : 20); ++i)
      text[below(text.size())] ^= static_cast<char>(1 << below(8));
  else if (kind == 2)
    text[below(std::min<std::size_t>(text.size(), 120))] ^= static_cast<char>(1 << below(8));
  else if (kind == 3)
    text.replace(page, length, length, '\0');
  else if (kind == 4)
    for (std::size_t i = page; i < page + length; ++i) text[i] = static_cast<char>(random());
  else if (kind == 5)
    text.resize(below(text.size()));
  if (kind == 6)
    fs::remove(path);
  else
    write_file(path, text);
  return suffix + ", kind " + std::to_string(kind);
}

void check_sets(const std::vector<StoredSet>& sets) {
  const auto sources = told_sources();
  for (const StoredSet& stored : sets) {
    REQUIRE(stored.seq >= first_seq);
    REQUIRE(stored.seq < first_seq + given_out);
    const ReadingSet told = told_set(sources, stored.seq - first_seq);
    REQUIRE(stored.set.values == told.values);
    REQUIRE(stored.set.time == told.time);
    REQUIRE(*stored.set.source == *told.source);
  }
}

TEST_CASE(
    "random damage before a start: nothing is given out twice or changed, and what is missing is known") {
  const char* wanted = std::getenv("FLOPWATT_DAMAGE_SEED");
  std::mt19937_64 random(wanted == nullptr ? 29 : std::strtoull(wanted, nullptr, 10));
  std::size_t set_aside = 0, jumped = 0, sound = 0, some_read = 0;
  for (int round = 0; round < rounds; ++round) {
    const Directory directory;
    live_and_die(directory.store(), round % 2 == 0);
    const std::string what = damage(directory.store(), random);
    CAPTURE(round);
    CAPTURE(what);
    Settings settings = settings_for(directory.store(), {"ems"});
    settings.first_seq = first_seq + 1'000'000;  // the clock has gone on
    auto opened_store = Store::open(settings);
    if (!opened_store) FAIL(opened_store.error().message);
    Store& store = **opened_store;
    const Opened& opened = store.opened();
    REQUIRE(opened.down == "");
    REQUIRE(opened.next_seq >= first_seq + given_out);

    auto sets = store.read({0, ~std::uint64_t{0} >> 2}, 10'000);
    bool is_said = !opened.set_aside.empty() || opened.seq_jump;
    std::uint64_t dropped = opened.exporters.at("ems").dropped;
    if (!sets) {
      auto replaced = store.commit({});  // sets the file aside
      REQUIRE(replaced.has_value());
      dropped += replaced->dropped["ems"];
      is_said = true;
      sets = store.read({0, ~std::uint64_t{0} >> 2}, 10'000);
    }
    REQUIRE(sets.has_value());
    check_sets(*sets);

    auto committed = store.commit(small_commit(small_source(), 10'000, 3));
    if (!committed) committed = store.commit(small_commit(small_source(), 10'000, 3));
    REQUIRE(committed.has_value());
    REQUIRE(committed->first_seq >= first_seq + given_out);
    is_said = is_said || !committed->unreadable.empty() || !committed->set_aside.empty();
    // Those that were delivered may be gone without a word where a limit could have taken them; none did here.
    if (sets->size() < given_out) CHECK(is_said);

    // The exporter passes everything: what it did not get is dropped, and it adds up.
    const ExporterRecord before = opened.exporters.at("ems");
    std::uint64_t delivered = before.delivered;
    for (const StoredSet& stored : *sets)
      if (!before.marks.contains(stored.seq)) delivered += stored.set.known_count();
    Commit passed;
    passed.exporters["ems"] = {DeliveryMarks(committed->first_seq + 2), delivered + 3 * small_set_readings,
                               0};
    dropped += committed->dropped["ems"];
    auto last = store.commit(passed);
    if (!last) last = store.commit(passed);
    REQUIRE(last.has_value());
    CHECK(last->backlog.at("ems") == 0);
    CHECK(delivered + 3 * small_set_readings + dropped + last->dropped["ems"] == last->total_readings);

    set_aside += opened.set_aside.empty() ? 0U : 1U;
    jumped += opened.seq_jump ? 1U : 0U;
    sound += is_said ? 0U : 1U;
    some_read += !opened.set_aside.empty() && sets->size() > given_out / 2 ? 1U : 0U;
  }
  MESSAGE("set aside ", set_aside, " (most of it read: ", some_read, "), seq jumped ", jumped,
          ", nothing to say ", sound);
  CHECK(set_aside > 30);
  CHECK(some_read > set_aside / 3);
  CHECK(jumped > 50);
}

}  // namespace
}  // namespace flopwatt::store
