// Sets that stay behind, by source; in memory, in the file, and through the limits.
#include "agent/store/held_sets.h"

#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

const HeldSource held_pdu{SourceKind::meter, "pdu-a"}, held_gpu{SourceKind::accelerator, "nvidia0"};
const auto anyone = [](const HeldSource&) { return true; };

HeldRun run(std::uint64_t first, std::uint64_t last, std::uint64_t readings, Hold hold = Hold::set_aside) {
  return {{first, last}, readings, hold};
}

TEST_CASE("a run grows at its end, also over batches without its source, and is one run for ever") {
  HeldSets held;
  for (std::uint64_t first = 101; first < 100'101; first += 100) {
    if (first % 1000 == 101)
      held.add(held_pdu, run(first, first + 99, 3));
    else
      held.extend_over({first, first + 99}, {});
  }
  CHECK(held.runs_from(Hold::set_aside, 0, anyone).at(held_pdu) == std::vector<Span>{{101, 100'100}});
  CHECK(held.readings(Hold::set_aside) == 300);
  CHECK(held.readings(Hold::waiting) == 0);
  CHECK(held.packed().size() < 32);
  CHECK(held.contains(held_pdu, 50'000));
  CHECK_FALSE(held.contains(held_gpu, 50'000));
  CHECK_FALSE(held.contains(held_pdu, 100'101));
}

TEST_CASE("a batch with a delivered set of the source ends the run") {
  HeldSets held;
  held.add(held_pdu, run(101, 110, 3));
  held.extend_over({111, 120}, {held_pdu});
  held.add(held_pdu, run(121, 130, 3));
  CHECK(held.runs_from(Hold::set_aside, 0, anyone).at(held_pdu) == std::vector<Span>{{101, 110}, {121, 130}});
}

TEST_CASE("taken from its front, part by part, what stays is put back and nothing is lost of the count") {
  HeldSets held;
  held.add(held_pdu, run(101, 400, 30));
  CHECK(held.take(held_pdu, {101, 200}, 12) == 12);
  held.add(held_pdu, run(101, 200, 12));
  CHECK(held.lowest(Hold::set_aside, 201, anyone) == Span{201, 400});
  CHECK(held.take(held_pdu, {201, 400}, 5) == 18);  // the end takes the rest
  CHECK(held.readings(Hold::set_aside) == 12);
  CHECK(held.take(held_pdu, {101, 200}, 99) == 12);
  CHECK(held.empty());
  CHECK(held.take(held_pdu, {101, 200}, 99) == 0);
}

TEST_CASE("too many runs of a source are joined where they are nearest, and keep their readings") {
  HeldSets held;
  for (std::uint64_t i = 0; i < 1000; ++i) held.add(held_pdu, run(101 + 10 * i, 103 + 10 * i, 2));
  CHECK(held.runs_from(Hold::set_aside, 0, anyone).at(held_pdu).size() == HeldSets::max_runs);
  CHECK(held.readings(Hold::set_aside) == 2000);
  HeldSets alternating;
  for (std::uint64_t i = 0; i < 1000; ++i)
    alternating.add(held_pdu,
                    run(101 + 10 * i, 103 + 10 * i, 2, i % 2 == 0 ? Hold::waiting : Hold::set_aside));
  CHECK(alternating.readings(Hold::waiting) + alternating.readings(Hold::set_aside) == 2000);
  CHECK(HeldSets::unpacked(alternating.packed()) == alternating);
}

TEST_CASE("the lowest run of a kind, of those that may go") {
  HeldSets held;
  held.add(held_pdu, run(101, 110, 1));
  held.add(held_gpu, run(105, 120, 1, Hold::waiting));
  held.add(held_gpu, run(121, 130, 1));
  CHECK(held.lowest(Hold::waiting, 0, anyone) == Span{105, 120});
  CHECK(held.lowest(Hold::set_aside, 0, anyone) == Span{101, 110});
  CHECK(held.lowest(Hold::set_aside, 102, anyone) == Span{121, 130});
  CHECK(held.lowest(Hold::set_aside, 0, [](const HeldSource& source) { return source == held_gpu; }) ==
        Span{121, 130});
  CHECK(held.overlap(held_gpu, {110, 125}) == Span{110, 120});
  CHECK_FALSE(held.overlap(held_gpu, {131, 140}));
  CHECK(held.first() == 101);
}

TEST_CASE("held sets as bytes and back; bytes that are none are refused") {
  HeldSets held;
  held.add(held_pdu, run(first_seq, first_seq + 1'000'000, 3'000'000));
  held.add(held_gpu, run(first_seq + 7, first_seq + 8, 4, Hold::waiting));
  const Bytes bytes = held.packed();
  CHECK(HeldSets::unpacked(bytes) == held);
  CHECK(HeldSets::unpacked({})->empty());
  for (std::size_t length = 1; length < bytes.size(); ++length) {
    const auto cut = HeldSets::unpacked(std::span(bytes).first(length));
    if (cut) CHECK_FALSE(*cut == held);
  }
  Bytes newer = bytes;
  newer.front() = 2;
  CHECK_FALSE(HeldSets::unpacked(newer));
}

TEST_CASE("the store keeps what is held and left out, and counts it neither as backlog nor as delivered") {
  const Directory directory;
  ExporterRecord record{DeliveryMarks(first_seq + 9), 4 * small_set_readings, 0};
  record.left_out = small_set_readings;
  record.held.add(held_pdu, run(first_seq + 2, first_seq + 5, 3 * small_set_readings));
  record.held.add(held_pdu, run(first_seq + 6, first_seq + 9, 2 * small_set_readings, Hold::waiting));
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    Commit commit = small_commit(small_source(), 0, 10);
    commit.exporters["ems"] = record;
    (void)value_or_fail(store->commit(small_commit(small_source(), 0, 0)));
    CHECK(value_or_fail(store->commit(commit)).backlog.at("ems") == 2 * small_set_readings);
  }
  const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
  CHECK(store->opened().exporters.at("ems") == record);
  CHECK(store->opened().backlog.at("ems") == 2 * small_set_readings);
}

TEST_CASE("held sets that the limits remove are dropped, each with its own readings") {
  const Directory directory;
  Settings settings = settings_for(directory.store(), {"ems"});
  settings.max_age = std::chrono::seconds(60);
  const auto store = open_or_fail(settings);
  // Sets of two sources in turn, one a second.
  Commit commit;
  for (std::int64_t at = 0; at < 50; ++at) {
    Commit one = small_commit(small_source(at % 2 == 0 ? "pdu-a" : "pdu-b"), at, 1);
    commit.sets.push_back(one.sets.front());
  }
  REQUIRE(value_or_fail(store->commit(commit)).removed.empty());
  // Of pdu-a everything is set aside, pdu-b is delivered.
  ExporterRecord record{DeliveryMarks(first_seq + 49), 25 * small_set_readings, 0};
  record.held.add(held_pdu, run(first_seq, first_seq + 49, 25 * small_set_readings));
  std::uint64_t dropped = 0, removed_through = 0;
  for (std::int64_t at = 50; removed_through < first_seq + 20 && at < 200; ++at) {
    Commit later = small_commit(small_source("pdu-b"), at, 1);
    later.exporters["ems"] = record;
    const auto committed = value_or_fail(store->commit(later));
    if (committed.removed.empty()) continue;
    removed_through = committed.removed.last;
    dropped += committed.dropped.at("ems");
    record.held = committed.held.at("ems");
  }
  REQUIRE(removed_through >= first_seq + 20);
  const std::uint64_t removed_of_pdu_a = (removed_through - first_seq) / 2 + 1;
  CHECK(dropped == removed_of_pdu_a * small_set_readings);
  CHECK(record.held.readings(Hold::set_aside) == 25 * small_set_readings - dropped);
  CHECK(record.held.first() == removed_through + 1);
}

TEST_CASE(
    "a store of the version before is taken over with its exporters; one of them that is damaged is damage") {
  const Directory directory;
  Commit commit = small_commit(small_source(), 0, 10);
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    commit.exporters["ems"] = {DeliveryMarks(first_seq + 4), 5 * small_set_readings, 0};
    (void)value_or_fail(store->commit(commit));
  }
  // As version 1 wrote it: without the columns, and the checksum without them.
  const std::uint32_t crc = Checksum()
                                .add(std::string_view("ems"))
                                .add(std::uint64_t{0})
                                .add(first_seq + 4)
                                .add(5 * small_set_readings)
                                .add(std::uint64_t{0})
                                .add(std::span<const std::uint8_t>())
                                .value();
  sql(directory.store(),
      "ALTER TABLE exporter DROP COLUMN held; ALTER TABLE exporter DROP COLUMN left_out;"
      "UPDATE exporter SET crc = " +
          std::to_string(crc) + "; PRAGMA user_version = 1");
  SUBCASE("good") {
    {
      const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
      CHECK(store->opened().set_aside.empty());
      CHECK(store->opened().exporters.at("ems") == commit.exporters["ems"]);
      CHECK(store->opened().backlog.at("ems") == 5 * small_set_readings);
    }
    CHECK(sql(directory.store(), "PRAGMA user_version") == "2");
    CHECK(open_or_fail(settings_for(directory.store(), {"ems"}))->opened().exporters.at("ems") ==
          commit.exporters["ems"]);
  }
  SUBCASE("damaged") {
    sql(directory.store(), "UPDATE exporter SET delivered = delivered + 1");
    CHECK_FALSE(open_or_fail(settings_for(directory.store(), {"ems"}))->opened().set_aside.empty());
  }
}

}  // namespace
}  // namespace flopwatt::store
