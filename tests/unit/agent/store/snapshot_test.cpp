// A reader that holds a snapshot: the write-ahead log grows beyond its usual size, which a commit tells, and is back
// when the reader has ended.
#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

TEST_CASE("a commit tells how long the write-ahead log is, while a snapshot is held and after that") {
  const Directory directory;
  Settings settings = settings_for(directory.store());
  settings.max_size_bytes = 4 << 20;
  const auto store = open_or_fail(settings);
  const SourcePtr source = meter_source("main");
  std::mt19937_64 random(9);
  std::int64_t at = 0;
  const auto commit_some = [&] {
    Commit commit;
    for (int i = 0; i < 100; ++i) commit.sets.push_back(measured_set(source, at++ * second, random));
    return value_or_fail(store->commit(commit));
  };
  auto committed = commit_some();
  CHECK(committed.usual_log_bytes == 32 * 4096);
  for (int i = 0; i < 50; ++i) {
    committed = commit_some();
    REQUIRE(committed.log_bytes <= 2 * committed.usual_log_bytes);
  }
  {
    sqlite3* reader = nullptr;
    REQUIRE(sqlite3_open(directory.store().c_str(), &reader) == SQLITE_OK);
    REQUIRE(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM reading_set", nullptr, nullptr, nullptr) ==
            SQLITE_OK);
    for (int i = 0; i < 100; ++i) committed = commit_some();
    CHECK(committed.log_bytes > 4 * committed.usual_log_bytes);
    CHECK(committed.size_bytes > committed.log_bytes);
    sqlite3_close(reader);
  }
  for (int i = 0; i < 3; ++i) committed = commit_some();
  CHECK(committed.log_bytes <= committed.usual_log_bytes);
}

}  // namespace
}  // namespace flopwatt::store
