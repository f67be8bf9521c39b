#include "agent/store/reading_log.h"

#include <algorithm>
#include <limits>

namespace flopwatt::store {
namespace {

std::int64_t column(std::uint64_t seq) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(seq, std::numeric_limits<std::int64_t>::max()));
}

Row row_of(const Statement& statement) {
  return {statement.natural(0), statement.integer(1), statement.integer(2), statement.natural(3)};
}

}  // namespace

ReadingLog::ReadingLog(Database& database)
    : insert_(database,
              "INSERT INTO reading_set(seq, time, source, total, data) VALUES (?1, ?2, ?3, ?4, ?5)"),
      select_(database,
              "SELECT seq, time, source, total, data FROM reading_set WHERE seq BETWEEN ?1 AND ?2 ORDER BY "
              "seq LIMIT ?3"),
      newest_(database, "SELECT seq FROM reading_set ORDER BY seq DESC LIMIT 1"),
      down_(database,
            "SELECT seq, time, source, total, data FROM reading_set WHERE seq <= ?1 ORDER BY seq DESC"),
      remove_through_(database, "DELETE FROM reading_set WHERE seq <= ?1"),
      database_(database) {}

void ReadingLog::append(const Row& row, std::span<const std::uint8_t> data) {
  insert_.bind(1, column(row.seq));
  insert_.bind(2, row.wall_us);
  insert_.bind(3, row.source);
  insert_.bind(4, static_cast<std::int64_t>(row.total));
  insert_.bind(5, data);
  insert_.run();
}

void ReadingLog::read(Span span, std::uint64_t limit,
                      const std::function<bool(const Row&, std::span<const std::uint8_t>)>& see) {
  select_.bind(1, column(span.first));
  select_.bind(2, column(span.last));
  select_.bind(3, column(limit));
  std::uint64_t lowest = span.first;
  while (select_.step()) {
    const Row row = row_of(select_);
    // SQLite takes the order of a damaged tree on trust: a page may come twice, or in a wrong place.
    if (row.seq < lowest || row.seq > span.last) continue;
    lowest = row.seq + 1;
    if (!see(row, select_.bytes(4))) break;
  }
  select_.reset();
}

std::optional<std::uint64_t> ReadingLog::newest_seq() {
  if (!newest_.step()) return std::nullopt;
  const std::uint64_t seq = newest_.natural(0);
  newest_.reset();
  return seq;
}

std::optional<ReadingLog::WholeRow> ReadingLog::newest_whole(std::uint64_t seq) {
  std::optional<WholeRow> found;
  down_.bind(1, column(seq));
  while (!found && down_.step()) {
    const Row row = row_of(down_);
    const auto data = down_.bytes(4);
    const auto time = is_whole(row, data) ? decode_boot_time(data) : std::nullopt;
    if (time) found = WholeRow{row, *time};
  }
  down_.reset();
  return found;
}

void ReadingLog::remove_through(std::uint64_t seq) {
  remove_through_.bind(1, column(seq));
  remove_through_.run();
}

void ReadingLog::remove_from(std::uint64_t seq) {
  Statement remove(database_, "DELETE FROM reading_set WHERE seq >= ?1");
  remove.bind(1, column(seq));
  remove.run();
}

}  // namespace flopwatt::store
