#include "agent/store/reader.h"

#include "tests/unit/agent/store/store_fixture.h"

using namespace flopwatt;
using namespace flopwatt::store;
using namespace flopwatt::store::testing;

namespace {

std::vector<std::uint64_t> seqs_of(Reader& reader, Span span, std::uint64_t* damaged = nullptr) {
  std::vector<std::uint64_t> seqs;
  while (!span.empty()) {
    const auto chunk = value_or_fail(reader.next(span, [](const Row&) { return true; }));
    for (const Reader::Item& item : chunk.items) seqs.push_back(item.row.seq);
    if (damaged != nullptr) *damaged += chunk.damaged;
  }
  return seqs;
}

std::string fault_of(const fs::path& path) {
  const auto reader = Reader::open(path);
  REQUIRE_FALSE(reader.has_value());
  CHECK(reader.error().message.find(path.string()) != std::string::npos);
  return reader.error().message;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a reader sees what a running store has committed, and the store goes on meanwhile") {
  const Directory directory;
  const auto store = open_or_fail(settings_for(directory.store()));
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 5000)));
  auto reader = value_or_fail(Reader::open(directory.store()));
  Span rest = value_or_fail(reader->span());
  CHECK(rest == Span{first_seq, first_seq + 4999});
  const auto chunk = value_or_fail(reader->next(rest, [](const Row& row) { return row.seq % 2 == 0; }));
  REQUIRE(chunk.items.size() == Reader::chunk_rows / 2);
  CHECK(rest.first == first_seq + Reader::chunk_rows);
  CHECK(chunk.items[1].set.values[0] == 2.0);
  CHECK(chunk.items[1].set.source->name == "pdu-a");
  CHECK(value_or_fail(reader->source(chunk.items[1].row.source)) == chunk.items[1].set.source);

  // Between two chunks nothing is held: commits and checkpoints reach the main file.
  for (int i = 0; i < 40; ++i)
    (void)value_or_fail(store->commit(small_commit(small_source(), 5000 + i * 500, 500)));
  CHECK(seqs_of(*reader, rest).size() == 3000);
  CHECK(value_or_fail(reader->span()).last == first_seq + 24'999);
  CHECK(fs::file_size(directory.store().string() + "-wal") < (8U << 20U));
}

TEST_CASE("rows that the limits removed meanwhile are not there, and reading ends all the same") {
  const Directory directory;
  Settings settings = settings_for(directory.store());
  settings.max_age = std::chrono::seconds(10'000);
  const auto store = open_or_fail(settings);
  (void)value_or_fail(store->commit(small_commit(small_source(), 0, 5000)));
  auto reader = value_or_fail(Reader::open(directory.store()));
  const Span span = value_or_fail(reader->span());
  (void)value_or_fail(store->commit(small_commit(small_source(), 14'000, 1)));
  for (int i = 0; i < 20; ++i) (void)value_or_fail(store->commit(small_commit(small_source(), 14'000, 1)));
  const auto seqs = seqs_of(*reader, span);
  REQUIRE_FALSE(seqs.empty());
  CHECK(seqs.front() > first_seq);
  CHECK(seqs.back() == first_seq + 4999);
}

TEST_CASE("a stopped agent's store is read without a trace") {
  const Directory directory;
  (void)value_or_fail(
      open_or_fail(settings_for(directory.store()))->commit(small_commit(small_source(), 0, 10)));
  const std::string before = file_text(directory.store());
  {
    auto reader = value_or_fail(Reader::open(directory.store()));
    CHECK(seqs_of(*reader, value_or_fail(reader->span())).size() == 10);
    CHECK(directory.names_with("-wal").empty());
    CHECK(directory.names_with("-shm").empty());
  }
  CHECK(file_text(directory.store()) == before);
  CHECK(directory.names_with("-wal").empty());
}

TEST_CASE("a path with every character that a URI takes for its own") {
  const Directory directory;
  const fs::path folder = directory.path() / "a%20?b#c d&e";
  fs::create_directory(folder);
  (void)value_or_fail(
      open_or_fail(settings_for(folder / "s?.db"))->commit(small_commit(small_source(), 0, 3)));
  auto reader = value_or_fail(Reader::open(folder / "s?.db"));
  CHECK(seqs_of(*reader, value_or_fail(reader->span())).size() == 3);
}

TEST_CASE("an agent that is started on a stopped store while it is read ends the reading") {
  const Directory directory;
  (void)value_or_fail(
      open_or_fail(settings_for(directory.store()))->commit(small_commit(small_source(), 0, 10)));
  auto reader = value_or_fail(Reader::open(directory.store()));
  Span rest = value_or_fail(reader->span());
  SUBCASE("and still runs") {
    const auto store = open_or_fail(settings_for(directory.store()));
    (void)value_or_fail(store->commit(small_commit(small_source(), 10, 10)));
    const auto chunk = reader->next(rest, [](const Row&) { return true; });
    REQUIRE_FALSE(chunk.has_value());
    CHECK(has(chunk.error().message, "an agent was started"));
  }
  SUBCASE("and has ended again") {
    (void)value_or_fail(
        open_or_fail(settings_for(directory.store()))->commit(small_commit(small_source(), 10, 10)));
    CHECK_FALSE(reader->next(rest, [](const Row&) { return true; }).has_value());
  }
}

TEST_CASE("a damaged row is left out and counted") {
  const Directory directory;
  (void)value_or_fail(
      open_or_fail(settings_for(directory.store()))->commit(small_commit(small_source(), 0, 10)));
  sql(directory.store(),
      "UPDATE reading_set SET time = time + 1 WHERE seq = " + std::to_string(first_seq + 3));
  auto reader = value_or_fail(Reader::open(directory.store()));
  std::uint64_t damaged = 0;
  CHECK(seqs_of(*reader, value_or_fail(reader->span()), &damaged).size() == 9);
  CHECK(damaged == 1);
}

TEST_CASE("what is no store is refused with a reason") {
  const Directory directory;
  CHECK(has(fault_of(directory.path() / "missing.db"), "there is no such file"));
  CHECK(has(fault_of(directory.path()), "it is no file"));
  write_file(directory.path() / "text.db", "time,seq\n");
  CHECK(has(fault_of(directory.path() / "text.db"), "the file is damaged, or is no store"));
  write_file(directory.path() / "empty.db", "");
  CHECK(has(fault_of(directory.path() / "empty.db"), "it is empty"));
  sql(directory.path() / "foreign.db", "CREATE TABLE t(x)");
  CHECK(has(fault_of(directory.path() / "foreign.db"), "database of another program"));
  (void)open_or_fail(settings_for(directory.store()));
  sql(directory.store(), "PRAGMA user_version = 99");
  CHECK(has(fault_of(directory.store()), "a newer flopwatt"));
}
