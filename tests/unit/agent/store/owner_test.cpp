// The node whose store it is: another's store or write-ahead log is refused and left as it is; a node that was renamed
// takes its store along.
#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

Settings settings_of(const std::string& node, const fs::path& path) {
  Settings settings = settings_for(path, {"ems"});
  settings.node = node;
  return settings;
}

void fill(const std::string& node, const fs::path& path, std::size_t sets) {
  (void)value_or_fail(
      open_or_fail(settings_of(node, path))->commit(small_commit(small_source(node), 0, sets)));
}

/// As a process that is killed in its first minutes leaves it: a write-ahead log with everything in it.
void leave_log(const std::string& node, const fs::path& path, const fs::path& copy_to) {
  const auto store = open_or_fail(settings_of(node, path));
  (void)value_or_fail(store->commit(small_commit(small_source(node), 100, 40)));
  fs::copy(path.string() + "-wal", copy_to.string() + "-wal", fs::copy_options::overwrite_existing);
}

TEST_CASE("a store of another node that was copied here is refused, with its name, and left as it is") {
  const Directory theirs, ours;
  fill("rack-b", theirs.store(), 10);
  fs::copy(theirs.store(), ours.store());
  SUBCASE("without its mark") {}
  SUBCASE("with its mark") { fs::copy(theirs.store().string() + ".seq", ours.store().string() + ".seq"); }
  const std::string before = file_text(ours.store());
  const auto store = Store::open(settings_of("rack-a", ours.store()));
  REQUIRE_FALSE(store);
  CHECK(store.error().message.find("it is of the node rack-b, and this is rack-a") != std::string::npos);
  CHECK(file_text(ours.store()) == before);
  CHECK(ours.names_with(".corrupt-").empty());
  CHECK(open_or_fail(settings_of("rack-b", ours.store()))->opened().total_readings ==
        10 * small_set_readings);
}

TEST_CASE(
    "a write-ahead log of another node that was copied beside the store is refused, and destroys nothing") {
  const Directory theirs, ours;
  fill("rack-a", ours.store(), 10);
  leave_log("rack-b", theirs.store(), ours.store());
  const std::string before = file_text(ours.store());
  const std::string log = file_text(ours.store().string() + "-wal");
  {
    const auto store = Store::open(settings_of("rack-a", ours.store()));
    REQUIRE_FALSE(store);
    CHECK(store.error().message.find("-wal was copied here, move it away") != std::string::npos);
  }
  CHECK(file_text(ours.store()) == before);
  CHECK(file_text(ours.store().string() + "-wal") == log);
  fs::remove(ours.store().string() + "-wal");
  fs::remove(ours.store().string() + "-shm");
  const auto store = open_or_fail(settings_of("rack-a", ours.store()));
  CHECK(store->opened().total_readings == 10 * small_set_readings);
  CHECK_FALSE(store->opened().seq_jump);
}

TEST_CASE("a node that was renamed takes its store along, and then it is of the new name") {
  const Directory directory;
  fill("rack-a", directory.store(), 10);
  fill("rack-b", directory.store(), 10);
  const auto store = open_or_fail(settings_of("rack-b", directory.store()));
  CHECK(store->opened().total_readings == 20 * small_set_readings);
  CHECK_FALSE(store->opened().seq_jump);
}

TEST_CASE("a store that does not say whose it is, is taken") {
  const Directory directory;
  fill("", directory.store(), 10);
  fs::remove(directory.store().string() + ".seq");
  fill("rack-a", directory.store(), 10);
  CHECK(sql(directory.store(), "SELECT node FROM owner") == "rack-a");
}

}  // namespace
}  // namespace flopwatt::store
