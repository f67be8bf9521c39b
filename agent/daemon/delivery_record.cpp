#include "agent/daemon/delivery_record.h"

#include <algorithm>
#include <utility>

namespace flopwatt::daemon {

using store::Span;

Span span_of(const std::vector<StoredSet>& sets) {
  if (sets.empty()) return {};
  return {sets.front().seq, sets.back().seq};
}

DeliveryRecord::DeliveryRecord(store::ExporterRecord record, std::uint64_t backlog_readings)
    : record_(std::move(record)), backlog_(backlog_readings), saved_(record_.delivered) {}

store::ExporterRecord DeliveryRecord::begin_commit() {
  committing_ = true;
  being_saved_ = record_.delivered;
  return record_;
}

void DeliveryRecord::end_commit(std::uint64_t stored, Span removed, std::uint64_t dropped) {
  if (!removed.empty()) record_.marks.raise_low(removed.last);
  record_.dropped += dropped;
  saved_ = being_saved_;
  backlog_ += stored;
  backlog_ -= std::min(backlog_, dropped);
  apply_waiting();
}

void DeliveryRecord::abandon_commit() { apply_waiting(); }

void DeliveryRecord::apply_waiting() {
  committing_ = false;
  for (const StoredBatch& sets : std::exchange(waiting_, {})) apply(*sets);
}

void DeliveryRecord::acknowledge(StoredBatch sets) {
  if (committing_)
    waiting_.push_back(std::move(sets));
  else
    apply(*sets);
}

void DeliveryRecord::apply(const std::vector<StoredSet>& sets) {
  std::uint64_t readings = 0;
  for (const StoredSet& stored : sets)
    if (!record_.marks.contains(stored.seq)) readings += stored.set.known_count();
  if (!record_.marks.add(span_of(sets))) return;
  record_.delivered += readings;
  backlog_ -= std::min(backlog_, readings);
}

void DeliveryRecord::claim(Span span) { claims_.push_back(span); }

void DeliveryRecord::release(Span span) {
  const auto claim = std::ranges::find(claims_, span);
  if (claim != claims_.end()) claims_.erase(claim);
}

std::optional<Span> DeliveryRecord::next_gap(std::uint64_t last) const {
  std::vector<Span> taken = claims_;
  for (const StoredBatch& sets : waiting_) taken.push_back(span_of(*sets));
  std::uint64_t from = record_.marks.low() + 1;
  while (auto gap = record_.marks.first_gap(from, last)) {
    const auto covering = std::ranges::find_if(
        taken, [&](const Span& span) { return span.first <= gap->first && gap->first <= span.last; });
    if (covering != taken.end()) {
      from = covering->last + 1;
      continue;
    }
    for (const Span& span : taken)
      if (span.first > gap->first && span.first <= gap->last) gap->last = span.first - 1;
    return gap;
  }
  return std::nullopt;
}

}  // namespace flopwatt::daemon
