// Disks that are full, read-only, or fail.
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

bool mentions(const Fault& fault, const std::string& text) {
  return fault.message.find(text) != std::string::npos;
}

/// Runs the scenario on a small file system of its own, in a process of its own (mounts need privileges that
/// a process gets in namespaces of its own). Returns "" or what went wrong; a scenario throws what it finds.
std::string on_small_disk(const fs::path& at, const char* options, const std::function<void()>& scenario) {
  int channel[2];
  if (::pipe(channel) != 0) return "no pipe";
  const ::pid_t child = ::fork();
  if (child == 0) {
    std::string outcome;
    try {
      if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        throw std::runtime_error(
            "this test mounts a file system: run it as root or where user namespaces are allowed");
      if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("tmpfs", at.c_str(), "tmpfs", 0, options) != 0)
        throw std::runtime_error("this test mounts a file system: run it as root (mount: error " +
                                 std::to_string(errno) + ")");
      scenario();
    } catch (const std::exception& error) {
      outcome = error.what();
    }
    if (::write(channel[1], outcome.data(), outcome.size()) < 0) ::_exit(1);
    ::_exit(0);
  }
  ::close(channel[1]);
  std::string outcome;
  char part[256];
  for (::ssize_t length = 0; (length = ::read(channel[0], part, sizeof part)) > 0;)
    outcome.append(part, static_cast<std::size_t>(length));
  ::close(channel[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? outcome : "the process of the scenario ended with status " + std::to_string(status);
}

void expect(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what);
}

void fill_and_free(const fs::path& path) {
  const auto store = open_or_fail(settings_for(path, {"ems"}));
  const SourcePtr source = meter_source("main");
  std::mt19937_64 random(5);
  write_file(path.parent_path() / "other", std::string(300'000, 'x'));
  std::uint64_t stored = 0;
  Commit commit;
  std::string fault;
  for (int round = 0; fault.empty() && round < 10'000; ++round) {
    commit.sets.clear();
    for (int i = 0; i < 50; ++i) commit.sets.push_back(measured_set(source, round * second, random));
    const auto committed = store->commit(commit);
    if (committed)
      stored += 50;
    else
      fault = committed.error().message;
  }
  expect(fault.find("full") != std::string::npos &&
             fault.find("make room on the file system of") != std::string::npos &&
             fault.find(path.string()) != std::string::npos,
         "not the message of a full disk: " + fault);
  expect(!store->commit(commit), "a full disk took a commit");
  expect(value_or_fail(store->read({first_seq, ~std::uint64_t{0}}, 10'000)).size() == stored,
         "rows are missing while it is full");
  fs::remove(path.parent_path() / "other");
  const auto committed = value_or_fail(store->commit(commit));
  expect(committed.first_seq == first_seq + stored, "seqs have a hole or go back");
  const auto sets = value_or_fail(store->read({first_seq, ~std::uint64_t{0}}, 10'000));
  expect(sets.size() == stored + 50, "the failed commits left something, or took something");
}

TEST_CASE("a full disk: commits fail with what to do, reads go on, and it heals by itself") {
  const Directory directory;
  CHECK(on_small_disk(directory.path(), "size=1m", [&] { fill_and_free(directory.store()); }) == "");
}

/// Until a file can have no more bytes.
void fill_up(const fs::path& file) {
  std::ofstream out(file, std::ios::binary);
  const std::string block(4096, 'x');
  while (out << block << std::flush) {
  }
}

/// An agent that begins with a store that cannot be opened: the first commit that succeeds opens it.
void check_begins_later(Store& store, const std::string& reason, const std::function<void()>& heal) {
  expect(store.opened().down.find(reason) != std::string::npos, "not down for that: " + store.opened().down);
  const Commit commit = small_commit(small_source(), 1'000, 5);
  expect(!store.commit(commit), "a commit on a sick disk");
  expect(!store.read({0, ~std::uint64_t{0}}, 10), "read from a store that is down");
  heal();
  auto committed = store.commit(commit);
  expect(committed.has_value(), "it does not heal: " + (committed ? "" : committed.error().message));
  expect(committed->late != nullptr && committed->late->down.empty(), "it does not tell of the late opening");
  expect(committed->late->next_seq == committed->first_seq, "seqs before the first");
  expect(value_or_fail(store.commit(commit)).late == nullptr, "it tells twice");
}

TEST_CASE("a disk that is full from the start: the store begins when there is room") {
  const Directory directory;
  const auto scenario = [&] {
    fill_up(directory.path() / "other");
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    expect(store->opened().exporters.contains("ems"), "no record of the exporter");
    expect(!store->opened().is_unknown, "a new store is not unknown");
    expect(store->opened().next_seq == first_seq, "not the first seq");
    check_begins_later(*store, directory.store().string(), [&] { fs::remove(directory.path() / "other"); });
    expect(value_or_fail(store->read({0, ~std::uint64_t{0}}, 100)).front().seq == first_seq,
           "not the first seq");
  };
  CHECK(on_small_disk(directory.path(), "size=1m", scenario) == "");
}

/// A store of 20 sets, of which 5 are delivered.
void make_small_store(const Settings& settings) {
  const auto store = open_or_fail(settings);
  Commit commit = small_commit(small_source(), 0, 20);
  commit.totals["scope/a/energy_j"] = 7;
  (void)value_or_fail(store->commit(commit));
  Commit delivered;
  delivered.exporters["ems"] = {DeliveryMarks(first_seq + 4), 5 * small_set_readings, 0};
  (void)value_or_fail(store->commit(delivered));
}

void expect_small_store(const Opened& opened) {
  expect(opened.totals == Totals{{"scope/a/energy_j", 7}}, "the totals are not known");
  expect(opened.exporters.at("ems").marks == DeliveryMarks(first_seq + 4), "the marks are not known");
  expect(opened.exporters.at("ems").delivered == 5 * small_set_readings, "the counts are not known");
  expect(opened.backlog.at("ems") == 15 * small_set_readings, "the backlog is not known");
  expect(opened.total_readings == 20 * small_set_readings, "the readings are not known");
  expect(!opened.is_unknown, "it is unknown");
}

TEST_CASE(
    "a read-only disk at the start: what is stored is known, and the store goes on when it can be written") {
  const Directory directory;
  const auto scenario = [&] {
    const auto remount = [&](unsigned long flags) {
      expect(::mount("none", directory.path().c_str(), nullptr, MS_REMOUNT | flags, nullptr) == 0,
             "cannot remount");
    };
    make_small_store(settings_for(directory.store(), {"ems"}));
    remount(MS_RDONLY);
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    expect_small_store(store->opened());
    check_begins_later(*store, "Read-only file system", [&] { remount(0); });
    const auto sets = value_or_fail(store->read({0, ~std::uint64_t{0}}, 100));
    expect(sets.size() == 30 && sets.back().seq == first_seq + 29, "the numbering does not go on by one");
    const auto committed = value_or_fail(store->commit({}));
    expect(committed.backlog.at("ems") == 25 * small_set_readings, "not the backlog");
  };
  CHECK(on_small_disk(directory.path(), "size=1m", scenario) == "");
}

TEST_CASE("a full disk with a store at the start, also one that was killed: what is stored is known") {
  for (const bool killed : {false, true}) {
    CAPTURE(killed);
    const Directory directory;
    const auto scenario = [&] {
      Settings settings = settings_for(directory.store(), {"ems"});
      if (!killed) {
        make_small_store(settings);
      } else {
        const ::pid_t child = ::fork();
        if (child == 0) {
          Settings own = settings;
          const auto store = open_or_fail(own);
          Commit commit = small_commit(small_source(), 0, 20);
          commit.totals["scope/a/energy_j"] = 7;
          (void)store->commit(commit);
          Commit delivered;
          delivered.exporters["ems"] = {DeliveryMarks(first_seq + 4), 5 * small_set_readings, 0};
          (void)store->commit(delivered);
          ::kill(::getpid(), SIGKILL);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
      }
      // A mark that is missing makes the numbering jump, which needs room.
      fs::remove(directory.store().string() + ".seq");
      fill_up(directory.path() / "other");
      const auto store = open_or_fail(settings);
      if (store->opened().down.empty()) return;  // there was room in what is there already
      expect_small_store(store->opened());
      check_begins_later(*store, directory.store().string(), [&] { fs::remove(directory.path() / "other"); });
      expect(value_or_fail(store->read({0, ~std::uint64_t{0}}, 100)).size() == 30, "sets are missing");
    };
    CHECK(on_small_disk(directory.path(), "size=2m", scenario) == "");
  }
}

/// No file may grow beyond the limit while this lives: writing fails with EFBIG, which SQLite sees
/// as an I/O error.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(::rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const ::rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  ::rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_CASE("an I/O error closes the database; the next commit opens it again and nothing is there twice") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  const SourcePtr source = meter_source("main");
  std::mt19937_64 random(5);
  std::uint64_t stored = 0;
  for (int round = 0; round < 6; ++round) {
    Commit commit;
    for (int i = 0; i < 400; ++i) commit.sets.push_back(measured_set(source, round * second, random));
    commit.totals["round"] = round;
    if (round % 2 == 1) {
      const FileSizeLimit limit(static_cast<::rlim_t>(40'000 * round));
      const auto failed = store->commit(commit);
      REQUIRE_FALSE(failed);
      CHECK(mentions(failed.error(),
                     "cannot commit 400 reading sets to the store " + directory.store().string()));
      CHECK(mentions(failed.error(), "I/O error"));
      CHECK_FALSE(store->commit(commit));
      const auto read = store->read({first_seq, first_seq}, 1);
      REQUIRE_FALSE(read);
      CHECK(mentions(read.error(), "the next commit opens it again"));
    }
    const auto committed = value_or_fail(store->commit(commit));
    CHECK(committed.first_seq == first_seq + stored);
    CHECK(committed.removed.empty());
    stored += 400;
    CHECK(committed.total_readings == stored * 26);
    CHECK(committed.backlog.at("ems") == stored * 26);
  }
  CHECK(value_or_fail(store->read({0, ~std::uint64_t{0}}, 10'000)).size() == stored);
}

TEST_CASE(
    "the file removed while an error has closed it: the agent goes on in a new one, behind every seq given "
    "out, and says so") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 20)));
  {
    const FileSizeLimit limit(fs::file_size(directory.store().string() + "-wal"));
    REQUIRE_FALSE(store->commit(small_commit(small_source(), 20, 500)));
  }
  for (const std::string& name : directory.names_with("flopwatt.db"))
    if (name.find(".lock") == std::string::npos) fs::remove(name);
  const auto committed = value_or_fail(store->commit(small_commit(small_source(), 20, 1)));
  CHECK(committed.put_back.file == directory.store().string());
  CHECK_FALSE(committed.put_back.lost.empty());
  CHECK(committed.first_seq >= first_seq + 20);
  CHECK(committed.dropped.at("ems") == 20 * small_set_readings);
  CHECK(committed.total_readings == 21 * small_set_readings);
}

TEST_CASE("places where no store can be") {
  const Directory directory;
  const auto fault_at = [](const fs::path& path) {
    const auto store = Store::open(settings_for(path));
    REQUIRE_FALSE(store);
    return store.error();
  };
  const Fault missing = fault_at(directory.path() / "missing" / "flopwatt.db");
  CHECK(mentions(missing, "No such file or directory"));
  CHECK(mentions(missing, (directory.path() / "missing").string()));
  fs::create_directory(directory.store());
  const Fault directory_in_place = fault_at(directory.store());
  CHECK(mentions(directory_in_place, "cannot open the store " + directory.store().string()));
  fs::create_directory(directory.path() / "locked.db.lock");
  CHECK(mentions(fault_at(directory.path() / "locked.db"), "Is a directory"));
}

}  // namespace
}  // namespace flopwatt::store
