// A disk that cannot sync. What SQLite wrote before may be in the file all the same: a commit that was not
// acknowledged must not be there when it is tried again, and one that was must stay.
#include <sys/syscall.h>

#include <cerrno>
#include <functional>

#include "tests/unit/agent/store/store_fixture.h"

namespace {

/// Asked at each sync of this process whether it shall fail, with the name of the file.
std::function<bool(const std::string& path)> sync_fails;

int sync_or_fail(long call, int descriptor) {
  const std::filesystem::path link = "/proc/self/fd/" + std::to_string(descriptor);
  if (sync_fails && sync_fails(std::filesystem::read_symlink(link).string())) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(call, descriptor));
}

}  // namespace

// SQLite is a shared library: it syncs through these.
extern "C" int fsync(int descriptor) { return sync_or_fail(SYS_fsync, descriptor); }
extern "C" int fdatasync(int descriptor) { return sync_or_fail(SYS_fdatasync, descriptor); }

namespace flopwatt::store {
namespace {

using namespace testing;

struct SyncFailure {
  explicit SyncFailure(std::function<bool(const std::string&)> fails) { sync_fails = std::move(fails); }
  SyncFailure(const SyncFailure&) = delete;
  SyncFailure& operator=(const SyncFailure&) = delete;
  ~SyncFailure() { sync_fails = nullptr; }
};

bool always(const std::string&) { return true; }

TEST_CASE("a commit whose sync fails is not in the store when it is tried again") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  Commit commit = small_commit(small_source(), 0, 3);
  commit.totals["scope/a/energy_j"] = 1;
  (void)value_or_fail(store->commit(commit));
  commit = small_commit(small_source(), 3, 2);
  commit.totals["scope/b/energy_j"] = 2;
  {
    int syncs = 0;
    const SyncFailure failure([&](const std::string&) { return ++syncs == 1; });
    const auto failed = store->commit(commit);
    REQUIRE_FALSE(failed);
    // Not synced a second time: the kernel would say yes to pages that it has dropped.
    CHECK(syncs == 1);
    CHECK(fs::file_size(directory.store().string() + "-wal") > 0);
    CHECK(failed.error().message.find("cannot commit 2 reading sets to the store") == 0);
    CHECK(failed.error().message.find("disk I/O error while syncing") != std::string::npos);
    CHECK(failed.error().message.find("kernel's log") != std::string::npos);
  }
  // Another set than in the commit that failed, so that the two can be distinguished.
  const auto committed = value_or_fail(store->commit(small_commit(small_source("pdu-b"), 7, 1)));
  CHECK(committed.first_seq == first_seq + 3);
  CHECK(committed.total_readings == 4 * small_set_readings);
  CHECK(committed.backlog.at("ems") == 4 * small_set_readings);
  const auto sets = value_or_fail(store->read({0, ~std::uint64_t{0}}, 100));
  REQUIRE(sets.size() == 4);
  CHECK(sets[3].set.source->name == "pdu-b");
}

TEST_CASE("totals of a commit whose sync fails are not in the store") {
  const Directory directory;
  {
    const auto store = open_or_fail(settings_for(directory.store()));
    Commit commit = small_commit(small_source(), 0, 3);
    commit.totals = {{"scope/a/energy_j", 1}};
    (void)value_or_fail(store->commit(commit));
    commit.totals = {{"scope/a/energy_j", 2}, {"scope/b/energy_j", 2}};
    {
      const SyncFailure failure(always);
      REQUIRE_FALSE(store->commit(commit));
    }
    (void)value_or_fail(store->commit(small_commit(small_source(), 3, 1)));
  }
  CHECK(open_or_fail(settings_for(directory.store()))->opened().totals == Totals{{"scope/a/energy_j", 1}});
}

TEST_CASE("what a failed commit removed is reported with the next one") {
  const Directory directory;
  Settings settings = settings_for(directory.store(), {"ems"});
  settings.max_age = std::chrono::seconds(10);
  const auto store = open_or_fail(settings);
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 5)));
  Commit commit = small_commit(small_source(), 100, 2);
  commit.exporters["ems"] = {DeliveryMarks(first_seq + 1), 2 * small_set_readings, 0};
  {
    const SyncFailure failure(always);
    REQUIRE_FALSE(store->commit(commit));
    REQUIRE_FALSE(store->commit(commit));
  }
  const auto committed = value_or_fail(store->commit(commit));
  CHECK(committed.first_seq == first_seq + 5);
  CHECK(committed.removed == Span{first_seq, first_seq + 4});
  CHECK(committed.dropped.at("ems") == 3 * small_set_readings);
  CHECK(committed.backlog.at("ems") == 2 * small_set_readings);
  CHECK(value_or_fail(store->read({0, ~std::uint64_t{0}}, 100)).size() == 2);
}

TEST_CASE("a main file that cannot be synced stops commits, and the write-ahead log does not grow") {
  const Directory directory;
  Settings settings = settings_for(directory.store());
  settings.max_size_bytes = 1 << 20;
  const auto store = open_or_fail(settings);
  const SourcePtr source = small_source();
  std::uint64_t stored = 0;
  const std::string wal = directory.store().string() + "-wal";
  {
    const SyncFailure failure([&](const std::string& path) { return path == directory.store(); });
    int failures = 0;
    for (int round = 0; round < 100; ++round)
      if (store->commit(small_commit(source, static_cast<std::int64_t>(stored), 50)))
        stored += 50;
      else
        ++failures;
    CHECK(stored > 0);
    CHECK(failures > 50);
    CHECK(fs::file_size(wal) < std::uintmax_t{50} * 4'120);
  }
  const auto committed =
      value_or_fail(store->commit(small_commit(source, static_cast<std::int64_t>(stored), 1)));
  CHECK(committed.first_seq == first_seq + stored);
  CHECK(value_or_fail(store->read({0, ~std::uint64_t{0}}, 100'000)).size() == stored + 1);
}

TEST_CASE(
    "a file that has lost acknowledged sets when it is opened again is set aside, and the loss is counted") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 20)));
  {
    const SyncFailure failure(always);
    REQUIRE_FALSE(store->commit(small_commit(small_source(), 20, 1)));
  }
  sql(directory.store(), "DELETE FROM reading_set WHERE seq >= " + std::to_string(first_seq + 15));
  const auto committed = value_or_fail(store->commit(small_commit(small_source(), 20, 1)));
  CHECK_FALSE(committed.set_aside.empty());
  CHECK(committed.first_seq >= first_seq + 20);
  CHECK(committed.aside.is_read);
  CHECK(committed.backlog.at("ems") == 21 * small_set_readings);
  CHECK(value_or_fail(store->read({first_seq, first_seq + 19}, 100)).size() == 15);
  Commit passed;
  passed.exporters["ems"] = {DeliveryMarks(committed.first_seq), 16 * small_set_readings, 0};
  CHECK(value_or_fail(store->commit(passed)).dropped.at("ems") == 5 * small_set_readings);
}

TEST_CASE("with syncs that fail now and then, every acknowledged set is there once, with its seq") {
  for (unsigned seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    const Directory directory;
    Settings settings = settings_for(directory.store(), {"ems"});
    settings.max_size_bytes = 1 << 20;  // checkpoints and removals all the time
    std::mt19937_64 random(seed);
    const SourcePtr source = small_source();
    std::uint64_t next = first_seq;
    std::uint64_t oldest = first_seq;
    std::uint64_t dropped = 0;
    int failures = 0;
    {
      const auto store = open_or_fail(settings);
      const SyncFailure failure([&](const std::string&) { return random() % 20 == 0; });
      for (int round = 0; round < 400; ++round) {
        Commit commit = small_commit(source, static_cast<std::int64_t>(next - first_seq), 1 + random() % 100);
        auto committed = store->commit(commit);
        for (; !committed; committed = store->commit(commit)) REQUIRE(++failures < 1'000);
        REQUIRE(committed->first_seq == next);
        next += commit.sets.size();
        if (!committed->removed.empty()) {
          REQUIRE(committed->removed.first == oldest);
          oldest = committed->removed.last + 1;
          dropped += committed->dropped.at("ems");
        }
        REQUIRE(committed->set_aside.empty());
        REQUIRE(committed->total_readings == (next - first_seq) * small_set_readings);
        REQUIRE(committed->backlog.at("ems") == (next - oldest) * small_set_readings);
        REQUIRE(dropped == (oldest - first_seq) * small_set_readings);
      }
    }
    CHECK(failures > 5);
    const auto store = open_or_fail(settings);
    CHECK(store->opened().set_aside.empty());
    CHECK(store->opened().exporters.at("ems").dropped == dropped);
    const auto sets = value_or_fail(store->read({0, ~std::uint64_t{0}}, 1'000'000));
    REQUIRE(sets.size() == next - oldest);
    for (const StoredSet& stored : sets)
      REQUIRE(stored.set.values[0] == static_cast<double>(stored.seq - first_seq));
  }
}

}  // namespace
}  // namespace flopwatt::store
