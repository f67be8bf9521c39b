// How the log stays within its bounds: the oldest rows go, and what was not delivered of them is counted.
#include <algorithm>

#include "agent/store/session.h"

namespace flopwatt::store {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t smallest_size = 1 << 20;
/// A commit removes at most so many rows, and some for each that it adds: a lowered limit is reached over
/// many commits, none of which is slow.
constexpr std::uint64_t rows_per_commit = 20'000;
constexpr std::uint64_t rows_per_new_row = 4;
/// Removing in lumps costs far fewer page writes than a few rows with every commit.
constexpr std::uint64_t lump_pages = 256;
constexpr std::uint64_t lump_share = 64;

}  // namespace

Limits Limits::of(const Settings& settings) {
  const std::uint64_t pages = std::max(settings.max_size_bytes, smallest_size) / page_size;
  Limits limits;
  // 1000 pages (4 MiB) are SQLite's own default; longer ones save little.
  limits.wal_pages = std::clamp<std::uint64_t>(pages / 32, 32, 1000);
  // One part for the WAL, one for what a large transaction adds to it, one for the main file's growth then.
  limits.main_pages = pages - 3 * limits.wal_pages;
  limits.max_age = settings.max_age;
  return limits;
}

void Removal::merge(const Removal& later) {
  if (!later.span.empty()) span = span.empty() ? later.span : Span{span.first, later.span.last};
  for (const auto& [name, readings] : later.dropped) dropped[name] += readings;
}

Removal Session::apply_limits(std::size_t new_sets, LogState& state) {
  Removal removal;
  const std::uint64_t budget = rows_per_commit + rows_per_new_row * new_sets;
  const std::uint64_t expired = expired_through(budget, state);
  if (expired >= state.first_seq) remove_through(expired, state, removal);
  apply_size_limit(budget, state, removal);
  return removal;
}

std::uint64_t Session::expired_through(std::uint64_t budget, const LogState& state) {
  std::uint64_t through = state.first_seq - 1;
  // The newest row stays: it holds next seq and total.
  if (!state.newest || state.rows() < 2) return through;
  const std::int64_t limit = state.newest->log_us - limits_.max_age.count();
  const auto slack = std::min<std::chrono::microseconds>(limits_.max_age / lump_share, 60s);
  std::int64_t oldest_allowed = limit - slack.count();
  log_.read({state.first_seq, state.last_seq - 1}, budget,
            [&](const Row& row, std::span<const std::uint8_t> data) {
              if (!is_whole(row, data)) return true;  // goes with the first whole one that is too old
              const auto time = decode_boot_time(data);
              if (time && boots_.log_us(*time) >= oldest_allowed) return false;
              through = row.seq;
              oldest_allowed = limit;  // one is too old: then all go that are past the limit itself
              return true;
            });
  return through;
}

void Session::apply_size_limit(std::uint64_t budget, LogState& state, Removal& removal) {
  const auto count = [](Statement& pragma) {
    const std::uint64_t value = pragma.step() ? pragma.natural(0) : 0;
    pragma.reset();
    return value;
  };
  const std::uint64_t lump = std::min(lump_pages, limits_.main_pages / lump_share);
  std::uint64_t target = limits_.main_pages;
  while (budget > 0 && state.rows() > 1) {
    const std::uint64_t used = count(page_count_) - count(free_pages_);
    if (used <= target) break;
    target = limits_.main_pages - lump;
    const std::uint64_t rows = state.rows();
    const std::uint64_t wanted = rows * (used - target) / used + 1;
    const std::uint64_t removed = std::min({wanted, budget, rows - 1});
    remove_through(state.holes.count_up(state.first_seq, removed), state, removal);
    budget -= removed;
  }
  // Free pages are used again; they are given back only where the file is well above its bound.
  const std::uint64_t pages = count(page_count_);
  if (pages > limits_.main_pages + limits_.wal_pages)
    database_->run(("PRAGMA incremental_vacuum(" +
                    std::to_string(std::min(pages - limits_.main_pages, limits_.wal_pages)) + ")")
                       .c_str());
}

/// What was set aside is older than every row here, so it goes first.
void Session::remove_aside(LogState& state, Removal& removal) {
  if (!state.aside) return;
  const Span span = state.aside->seqs;
  Removal now{span, {}};
  for (auto& [name, exporter] : state.exporters) {
    // Of a run of held sets that goes on here, all readings stay with it: that is settled at its end.
    const std::uint64_t lost =
        undelivered(exporter.record.marks, span, state) + exporter.record.held.cut_through(span.last);
    now.dropped[name] = lost;
    exporter.record.dropped += lost;
    exporter.record.marks.raise_low(span.last);
  }
  forget_aside(*database_);
  state.aside.reset();
  removal.merge(now);
}

void Session::remove_through(std::uint64_t seq, LogState& state, Removal& removal) {
  remove_aside(state, removal);
  const Span span{state.first_seq, seq};
  Removal now{span, {}};
  std::map<std::string, std::uint64_t> lost_held = remove_held(span, state);
  for (auto& [name, exporter] : state.exporters) {
    const std::uint64_t lost = undelivered(exporter.record.marks, span, state) + lost_held[name];
    now.dropped[name] = lost;
    exporter.record.dropped += lost;
    exporter.record.marks.raise_low(seq);
  }
  state.removed = total_through(seq, state);
  log_.remove_through(seq);
  state.first_seq = state.holes.skip(seq + 1);
  if (!state.holes.empty()) {
    remove_holes_through(*database_, state.first_seq);
    state.holes.forget_through(state.first_seq);
  }
  removal.merge(now);
}

std::map<std::string, std::uint64_t> Session::remove_held(Span span, LogState& state) {
  std::map<std::string, std::uint64_t> lost;
  const auto is_concerned = [&](const auto& each) {
    const auto first = each.second.record.held.first();
    return first && *first <= span.last;
  };
  if (std::ranges::none_of(state.exporters, is_concerned)) return lost;
  std::map<std::int64_t, HeldSource> names;
  std::uint64_t total = total_through(span.first - 1, state);
  log_.read(span, span.last - span.first + 1, [&](const Row& row, std::span<const std::uint8_t>) {
    const std::uint64_t readings = row.total - std::min(row.total, total);
    total = row.total;
    if (!names.contains(row.source)) {
      const StoredSource* source = sources_.find(row.source);
      if (source == nullptr) return database_->ok();  // unreadable: counted with the rest of its run
      names[row.source] = {source->layout.source->kind, source->layout.source->name};
    }
    for (auto& [name, exporter] : state.exporters)
      lost[name] += exporter.record.held.lose(names[row.source], row.seq, readings);
    return true;
  });
  for (auto& [name, exporter] : state.exporters) lost[name] += exporter.record.held.cut_through(span.last);
  return lost;
}

std::uint64_t Session::total_through(std::uint64_t seq, const LogState& state) {
  if (seq < state.first_seq) {
    if (!state.aside || seq >= state.aside->seqs.last) return state.removed;
    if (seq < state.aside->seqs.first || aside_log_ == nullptr) return state.aside->removed;
    return std::clamp(aside_log_->total_through(seq).value_or(0), state.aside->removed, state.aside->total);
  }
  if (seq >= state.next_seq - 1) return state.total;
  const auto row = log_.newest_whole(seq);
  return row && row->row.seq >= state.first_seq ? row->row.total : state.removed;
}

std::uint64_t Session::undelivered(const DeliveryMarks& marks, Span span, const LogState& state) {
  std::uint64_t readings = 0;
  std::optional<Span> gap = marks.first_gap(span.first, span.last);
  while (gap) {
    const std::uint64_t before = total_through(gap->first - 1, state);
    readings += std::max(before, total_through(gap->last, state)) - before;
    gap = gap->last == span.last ? std::nullopt : marks.first_gap(gap->last + 1, span.last);
  }
  return readings;
}

std::uint64_t Session::backlog(const Exporter& exporter, const LogState& state) {
  const Span owed{state.first_owed(), state.next_seq - 1};
  if (owed.empty()) return 0;
  return undelivered(exporter.record.marks, owed, state) + exporter.record.held.readings(Hold::waiting);
}

}  // namespace flopwatt::store
