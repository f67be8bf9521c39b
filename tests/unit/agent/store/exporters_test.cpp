// Delivery marks in the store: saved with commits only, each exporter for itself.
#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

TEST_CASE("a new exporter starts at the end, a known one where it was, a removed one is forgotten") {
  const Directory directory;
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    CHECK(store->opened().exporters.at("ems").marks == DeliveryMarks(first_seq - 1));
    const auto committed = value_or_fail(store->commit(small_commit(small_source(), 0, 10)));
    CHECK(committed.backlog.at("ems") == 10 * small_set_readings);
  }
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems", "fleet"}));
    CHECK(store->opened().backlog.at("ems") == 10 * small_set_readings);
    CHECK(store->opened().exporters.at("fleet").marks == DeliveryMarks(first_seq + 9));
    CHECK(store->opened().backlog.at("fleet") == 0);
  }
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"fleet"}));
    CHECK(store->opened().exporters.size() == 1);
    // It says how much that was, and since when.
    CHECK(store->opened().forgotten ==
          std::vector<ForgottenExporter>{{"ems", 10 * small_set_readings, start_wall_us}});
  }
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  CHECK(store->opened().exporters.at("ems").marks == DeliveryMarks(first_seq + 9));
  CHECK(store->opened().backlog.at("ems") == 0);
}

TEST_CASE("an exporter that has delivered all is forgotten without a word") {
  const Directory directory;
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    (void)value_or_fail(store->commit(small_commit(small_source(), 0, 10)));
    Commit commit;
    commit.exporters["ems"] = {DeliveryMarks(first_seq + 9), 10 * small_set_readings, 0};
    (void)value_or_fail(store->commit(commit));
  }
  CHECK(open_or_fail(settings_for(directory.store()))->opened().forgotten.empty());
}

TEST_CASE("exporters of an open store change as over a restart") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 10)));
  const auto records = value_or_fail(store->set_exporters({"ems", "fleet"}));
  CHECK(records.at("ems").marks == DeliveryMarks(first_seq - 1));
  CHECK(records.at("fleet").marks == DeliveryMarks(first_seq + 9));
  Commit commit = small_commit(small_source(), 10, 5);
  commit.exporters["fleet"] = {DeliveryMarks(first_seq + 11), 2 * small_set_readings, 0};
  const auto committed = value_or_fail(store->commit(commit));
  CHECK(committed.backlog.at("ems") == 15 * small_set_readings);
  CHECK(committed.backlog.at("fleet") == 3 * small_set_readings);
  CHECK(value_or_fail(store->set_exporters({"fleet"})).size() == 1);
  CHECK(value_or_fail(store->commit(small_commit(small_source(), 15, 1))).backlog.size() == 1);
  CHECK(value_or_fail(store->set_exporters({"ems", "fleet"})).at("ems").marks ==
        DeliveryMarks(first_seq + 15));
}

TEST_CASE("two exporters keep their own marks and counts") {
  const Directory directory;
  Commit commit = small_commit(small_source(), 0, 100);
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems", "fleet"}));
    (void)value_or_fail(store->commit(commit));
    commit.sets.clear();
    DeliveryMarks live(first_seq + 9);
    REQUIRE(live.add({first_seq + 40, first_seq + 59}));
    REQUIRE(live.add({first_seq + 90, first_seq + 99}));
    commit.exporters["ems"] = {live, 40 * small_set_readings, 12345};
    const auto committed = value_or_fail(store->commit(commit));
    CHECK(committed.backlog.at("ems") == 60 * small_set_readings);
    CHECK(committed.backlog.at("fleet") == 100 * small_set_readings);
  }
  const auto store = open_or_fail(settings_for(directory.store(), {"ems", "fleet"}));
  const ExporterRecord& ems = store->opened().exporters.at("ems");
  CHECK(ems.marks == commit.exporters["ems"].marks);
  CHECK(ems.delivered == 40 * small_set_readings);
  CHECK(ems.dropped == 0);  // the store's own count, not what the commit says
  CHECK(store->opened().exporters.at("fleet").marks == DeliveryMarks(first_seq - 1));
  CHECK(store->opened().backlog.at("fleet") == 100 * small_set_readings);
}

TEST_CASE("64 ranges are kept") {
  const Directory directory;
  DeliveryMarks marks(first_seq + 3);
  for (std::uint64_t i = 0; i < DeliveryMarks::max_ranges; ++i)
    REQUIRE(marks.add({first_seq + 1'000 * i + 10, first_seq + 1'000 * i + 700}));
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    Commit commit = small_commit(small_source(), 0, 5);
    commit.exporters["ems"] = {marks, 0, 0};
    (void)value_or_fail(store->commit(commit));
  }
  CHECK(open_or_fail(settings_for(directory.store(), {"ems"}))->opened().exporters.at("ems").marks == marks);
}

TEST_CASE("marks of rows that are out of the store are raised to what it holds") {
  const Directory directory;
  Settings settings = settings_for(directory.store(), {"ems"});
  settings.max_age = std::chrono::seconds(10);
  const auto store = open_or_fail(settings);
  Commit commit = small_commit(small_source(), 0, 5);
  commit.exporters["ems"] = {DeliveryMarks(first_seq - 1), 0, 0};
  (void)value_or_fail(store->commit(commit));
  Commit later = small_commit(small_source(), 100, 2);
  const auto removed = value_or_fail(store->commit(later));
  REQUIRE(removed.removed == Span{first_seq, first_seq + 4});
  CHECK(removed.dropped.at("ems") == 5 * small_set_readings);
  const std::string low = std::to_string(first_seq + 4);
  CHECK(sql(directory.store(), "SELECT low FROM exporter") == low);
  // The exporter has not heard of it yet: nothing is counted twice.
  later = small_commit(small_source(), 101, 1);
  later.exporters = commit.exporters;
  CHECK(value_or_fail(store->commit(later)).backlog.at("ems") == 3 * small_set_readings);
  CHECK(sql(directory.store(), "SELECT low FROM exporter") == low);
}

}  // namespace
}  // namespace flopwatt::store
