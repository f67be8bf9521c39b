// Reading a log whose file has broken pages: what lies behind a broken page is found by trying. A b-tree is
// searched from its root, so a row is read without the pages of its neighbours.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/store/database.h"
#include "agent/store/reading_log.h"

namespace flopwatt::store {

/// The lowest seq of the span that has a row behind the broken page at span.first, found in about twice the
/// logarithm of the distance; nullopt: none up to span.last. The database has no failure when it is called; one
/// that is no damage stays in it.
[[nodiscard]] std::optional<std::uint64_t> first_readable(Database& database, ReadingLog& log, Span span);

/// The same downwards: the highest seq with a whole row at or below `seq`, past broken pages.
[[nodiscard]] std::optional<ReadingLog::WholeRow> newest_readable(Database& database, ReadingLog& log,
                                                                  std::uint64_t seq);

/// From the lowest to the highest seq that can be read; empty: no row.
[[nodiscard]] Span readable_span(Database& database, ReadingLog& log);

}  // namespace flopwatt::store
