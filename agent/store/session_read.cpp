// How the log is read: past what is unreadable, and from a file that was set aside before this one.
#include <algorithm>
#include <utility>

#include "agent/store/session.h"

namespace flopwatt::store {
namespace {

constexpr std::uint64_t no_limit = ~std::uint64_t{0};
/// Seqs of unreadable sets that are remembered, so that each is told once; what comes beyond is counted, but
/// not told.
constexpr std::size_t most_told = 10'000;

}  // namespace

Result<std::vector<StoredSet>, Failure> Session::read(Span span, std::size_t max_sets,
                                                      const LogState& state) {
  std::vector<StoredSet> sets;
  std::uint64_t expected = state.holes.skip(std::max(span.first, state.first_seq));
  const std::uint64_t last = std::min(span.last, state.next_seq - 1);
  const auto see = [&](const Row& row, std::span<const std::uint8_t> data) {
    if (row.seq < expected) return true;  // in a hole: never given out
    if (row.seq > expected) note_missing({expected, row.seq - 1}, state);
    expected = state.holes.skip(row.seq + 1);
    const StoredSource* source = sources_.find(row.source);
    auto set = source == nullptr ? std::nullopt : decode(row, data, source->layout);
    if (set)
      sets.push_back({row.seq, std::move(*set)});
    else if (database_->ok())
      note_unreadable(row.seq, source == nullptr ? reason_of(row.source) : wrong_checksum);
    return database_->ok() && sets.size() < max_sets;
  };
  if (auto done = read_aside(span, max_sets, state, sets); !done) return done.error();
  if (sets.size() < max_sets) log_.read({expected, last}, no_limit, see);
  if (!database_->ok()) return take_failure("read from");
  if (sets.size() < max_sets && expected <= last) note_missing({expected, last}, state);
  return sets;
}

Result<Done, Failure> Session::read_aside(Span span, std::size_t max_sets, const LogState& state,
                                          std::vector<StoredSet>& sets) {
  if (!state.aside || aside_log_ == nullptr) return Done{};
  const Span seqs = state.aside->seqs;
  const Span wanted{std::max(span.first, seqs.first), std::min(span.last, seqs.last)};
  const auto note = [this](const UnreadableSets& found) {
    if (found.seqs.first == found.seqs.last)
      note_unreadable(found.seqs.first, found.reason);
    else if (told_seqs_.size() < most_told && told_seqs_.insert(found.seqs.first).second)
      unreadable_.push_back(found);
  };
  auto done = aside_log_->read(wanted, max_sets, sets, note);
  // Nothing is wrong with the file that is written.
  if (!done) return Failure{Failure::Cause::passing, done.error()};
  return Done{};
}

std::string Session::reason_of(std::int64_t source) const {
  const auto known = sources_.unreadable().find(source);
  return known == sources_.unreadable().end() ? "" : known->second;
}

void Session::note_missing(Span seqs, const LogState& state) {
  const std::uint64_t sets = seqs.last - seqs.first + 1 - state.holes.within(seqs);
  if (sets == 0 || told_seqs_.size() >= most_told || !told_seqs_.insert(seqs.first).second) return;
  unreadable_.push_back({seqs, sets, "the rows are missing"});
}

void Session::note_unreadable(std::uint64_t seq, const std::string& reason) {
  if (told_seqs_.size() >= most_told || !told_seqs_.insert(seq).second) return;
  const auto told = std::ranges::find(unreadable_, reason, &UnreadableSets::reason);
  if (told == unreadable_.end()) {
    unreadable_.push_back({{seq, seq}, 1, reason});
    return;
  }
  told->seqs = {std::min(told->seqs.first, seq), std::max(told->seqs.last, seq)};
  ++told->sets;
}

std::vector<UnreadableSets> Session::take_unreadable() { return std::exchange(unreadable_, {}); }

Result<std::vector<StoredSet>, Failure> Session::read_before(std::uint64_t end, std::size_t max_sets,
                                                             const LogState& state) {
  const std::uint64_t last = std::min(end, state.next_seq) - 1;
  if (max_sets > 0 && last < state.first_seq && state.aside) {
    const std::uint64_t newest = std::min(last, state.aside->seqs.last);
    return read({newest - std::min<std::uint64_t>(newest, max_sets - 1), newest}, max_sets, state);
  }
  if (max_sets == 0 || last < state.first_seq) return std::vector<StoredSet>{};
  return read({state.holes.count_down(last, max_sets), last}, max_sets, state);
}

}  // namespace flopwatt::store
