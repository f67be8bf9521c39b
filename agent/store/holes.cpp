#include "agent/store/holes.h"

#include <algorithm>

#include "agent/store/checksum.h"

namespace flopwatt::store {
namespace {

std::int64_t hole_checksum(Span hole) { return Checksum().add(hole.first).add(hole.last).value(); }

}  // namespace

void Holes::forget_through(std::uint64_t seq) {
  std::erase_if(holes_, [seq](const Span& hole) { return hole.last <= seq; });
}

std::uint64_t Holes::skip(std::uint64_t seq) const {
  for (const Span& hole : holes_)
    if (hole.first <= seq && seq <= hole.last) seq = hole.last + 1;
  return seq;
}

std::uint64_t Holes::within(Span span) const {
  std::uint64_t count = 0;
  for (const Span& hole : holes_) {
    const Span shared{std::max(hole.first, span.first), std::min(hole.last, span.last)};
    if (!shared.empty()) count += shared.last - shared.first + 1;
  }
  return count;
}

std::uint64_t Holes::count_up(std::uint64_t first, std::uint64_t count) const {
  for (const Span& hole : holes_) {
    if (hole.last < first) continue;
    const std::uint64_t before = hole.first > first ? hole.first - first : 0;
    if (count <= before) break;
    count -= before;
    first = hole.last + 1;
  }
  return first + count - 1;
}

std::uint64_t Holes::count_down(std::uint64_t last, std::uint64_t count) const {
  for (auto hole = holes_.rbegin(); hole != holes_.rend(); ++hole) {
    if (hole->first > last) continue;
    const std::uint64_t above = last > hole->last ? last - hole->last : 0;
    if (count <= above) break;
    count -= above;
    last = hole->first - 1;
  }
  return last >= count ? last - count + 1 : 1;
}

bool has_hole_table(Database& database) {
  return database.integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'hole'") > 0;
}

void make_hole_table(Database& database) {
  database.run(
      "CREATE TABLE IF NOT EXISTS hole(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, crc INTEGER NOT "
      "NULL) STRICT");
}

Holes load_holes(Database& database) {
  Holes holes;
  Statement select(database, "SELECT first, last, crc FROM hole ORDER BY first");
  while (select.step()) {
    const Span hole{select.natural(0), select.natural(1)};
    if (hole.empty() || hole.first <= holes.end() || select.integer(2) != hole_checksum(hole))
      database.fail_as_damaged("the checksum of a hole in the numbering is wrong");
    else
      holes.add(hole);
  }
  return holes;
}

void save_hole(Database& database, Span hole) {
  Statement insert(database, "INSERT INTO hole(first, last, crc) VALUES (?1, ?2, ?3)");
  insert.bind(1, static_cast<std::int64_t>(hole.first));
  insert.bind(2, static_cast<std::int64_t>(hole.last));
  insert.bind(3, hole_checksum(hole));
  insert.run();
}

void remove_holes_through(Database& database, std::uint64_t seq) {
  Statement remove(database, "DELETE FROM hole WHERE last <= ?1");
  remove.bind(1, static_cast<std::int64_t>(seq));
  remove.run();
}

}  // namespace flopwatt::store
