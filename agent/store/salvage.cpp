#include "agent/store/salvage.h"

#include <algorithm>
#include <functional>

namespace flopwatt::store {
namespace {

constexpr std::uint64_t highest_seq = std::uint64_t{1} << 62;

/// Whether the search works that begins `distance` away from the broken page. Takes damage out of the database.
using Works = std::function<bool(std::uint64_t distance)>;

/// The smallest distance that works, where all beyond it works as well; nullopt: none up to `most`.
std::optional<std::uint64_t> shortest_jump(std::uint64_t most, const Works& works) {
  std::uint64_t fails = 0;
  std::uint64_t jump = 1;
  while (jump <= most && !works(jump)) {
    fails = jump;
    jump *= 2;
  }
  if (jump > most) {
    if (most <= fails || !works(most)) return std::nullopt;
    jump = most;
  }
  while (jump - fails > 1) {
    const std::uint64_t middle = fails + (jump - fails) / 2;
    (works(middle) ? jump : fails) = middle;
  }
  return jump;
}

/// The first row at or above `from`, if there is one and no broken page is in the way.
std::optional<std::uint64_t> row_from(ReadingLog& log, Span span) {
  std::optional<std::uint64_t> seq;
  log.read(span, 1, [&](const Row& row, std::span<const std::uint8_t>) {
    seq = row.seq;
    return false;
  });
  return seq;
}

/// False, and no failure any more, where damage was in the way.
bool took_damage(Database& database) {
  if (!database.found_damage()) return false;
  database.clear_failure();
  return true;
}

}  // namespace

std::optional<std::uint64_t> first_readable(Database& database, ReadingLog& log, Span span) {
  const auto works = [&](std::uint64_t distance) {
    (void)row_from(log, {span.first + distance, span.last});
    return !took_damage(database);
  };
  const auto jump = shortest_jump(span.last - span.first, works);
  if (!jump || !database.ok()) return std::nullopt;
  const auto seq = row_from(log, {span.first + *jump, span.last});
  (void)took_damage(database);
  return seq;
}

std::optional<ReadingLog::WholeRow> newest_readable(Database& database, ReadingLog& log, std::uint64_t seq) {
  auto row = log.newest_whole(seq);
  if (!took_damage(database)) return row;
  const auto works = [&](std::uint64_t distance) {
    row = log.newest_whole(seq - distance);
    return !took_damage(database);
  };
  const auto jump = shortest_jump(seq, works);
  if (!jump || !database.ok()) return std::nullopt;
  row = log.newest_whole(seq - *jump);
  return took_damage(database) ? std::nullopt : row;
}

Span readable_span(Database& database, ReadingLog& log) {
  Span span;
  auto first = row_from(log, {0, highest_seq});
  if (took_damage(database)) first = first_readable(database, log, {0, highest_seq});
  auto newest = log.newest_seq();
  if (took_damage(database)) {
    const auto row = newest_readable(database, log, highest_seq);
    if (row) newest = row->row.seq;
  }
  if (first && newest) span = {*first, *newest};
  return span;
}

}  // namespace flopwatt::store
