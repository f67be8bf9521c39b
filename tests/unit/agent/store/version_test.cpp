// Stores that earlier versions have written are opened and go on: nothing of them is lost, and no seq is given twice.
// versions/1 was written by the agent of 29 November 2026, before files that were set aside were read on.
#include "agent/store/reader.h"
#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

const fs::path versions = fs::path(FLOPWATT_SOURCE_DIR) / "tests/unit/agent/store/versions";
constexpr std::uint64_t oldest_seq = 1'795'969'084'807'130;
constexpr std::uint64_t newest_seq = oldest_seq + 19;

/// What is in that store.
void check_contents(const Opened& opened) {
  CHECK(opened.set_aside.empty());
  CHECK(opened.down == "");
  CHECK(opened.total_readings == 286);
  CHECK(opened.totals.size() == 22);
  CHECK(opened.exporters.at("ems").marks == DeliveryMarks(oldest_seq - 1));
  CHECK(opened.exporters.at("ems").delivered == 0);
  CHECK(opened.backlog.at("ems") == 286);
}

void check_goes_on(Store& store, std::uint64_t first_new) {
  const auto sets = value_or_fail(store.read({0, ~std::uint64_t{0}}, 100));
  REQUIRE(sets.size() == 20);
  CHECK(sets.front().seq == oldest_seq);
  CHECK(sets.front().set.source->name == "pdu-a");
  CHECK(sets.back().seq == newest_seq);
  Commit commit = small_commit(small_source(), 0, 3);
  commit.exporters["ems"] = {DeliveryMarks(newest_seq), 286, 0};
  auto committed = value_or_fail(store.commit(commit));
  CHECK(committed.first_seq == first_new);
  CHECK(committed.dropped["ems"] == 0);
  CHECK(committed.backlog.at("ems") == 3 * small_set_readings);
}

TEST_CASE("a store of version 1 is opened, read and written") {
  const Directory directory;
  fs::copy(versions / "1/flopwatt.db", directory.store());
  SUBCASE("with its mark, which was copied: seq jumps") {
    fs::copy(versions / "1/flopwatt.db.seq", directory.store().string() + ".seq");
  }
  SUBCASE("without it"){} {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    check_contents(store->opened());
    CHECK(store->opened().next_seq == first_seq);
    check_goes_on(*store, first_seq);
  }
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  CHECK(store->opened().next_seq == first_seq + 3);
  CHECK(store->opened().total_readings == 286 + 3 * small_set_readings);
}

TEST_CASE("a store of version 1 is exported without being changed") {
  const Directory directory;
  fs::copy(versions / "1/flopwatt.db", directory.store());
  const std::string before = file_text(directory.store());
  const auto reader = value_or_fail(Reader::open(directory.store()));
  Span rest = value_or_fail(reader->span());
  CHECK(rest == Span{oldest_seq, newest_seq});
  CHECK(value_or_fail(reader->next(rest, [](const Row&) { return true; })).items.size() == 20);
  CHECK(file_text(directory.store()) == before);
}

TEST_CASE("a damaged store of version 1 is read on from where it was set aside") {
  const Directory directory;
  fs::copy(versions / "1/flopwatt.db", directory.store());
  sql(directory.store(), "DROP TABLE boot");
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  CHECK(store->opened().aside.is_read);
  CHECK(store->opened().backlog.at("ems") == 286);
  CHECK(store->opened().totals.size() == 22);
  check_goes_on(*store, first_seq);
}

}  // namespace
}  // namespace flopwatt::store
