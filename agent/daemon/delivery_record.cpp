#include "agent/daemon/delivery_record.h"

#include <algorithm>
#include <set>
#include <utility>

namespace flopwatt::daemon {

using store::HeldSource;
using store::Hold;
using store::Span;

/// The sets of one source within a span, as runs of one fate: where the fate changes from one set to the
/// next, a run ends right before the next. What is left out ends no run.
struct FateRun {
  Span span;
  std::optional<Hold> hold;
  std::uint64_t readings = 0;
};

struct SourceFates {
  std::vector<FateRun> runs;
  std::uint64_t delivered = 0, left_out = 0;  // readings
};

namespace {

HeldSource source_of(const StoredSet& stored) {
  const SourcePtr& source = stored.set.source;
  return source ? HeldSource{source->kind, source->name} : HeldSource{};
}

/// How a set of that fate is held; nullopt: it is not.
std::optional<Hold> hold_of(Fate fate) {
  switch (fate) {
    case Fate::unanswered:
    case Fate::later:
      return Hold::waiting;
    case Fate::set_aside:
      return Hold::set_aside;
    case Fate::delivered:
    case Fate::left_out:
      break;
  }
  return std::nullopt;
}

void add_fate(SourceFates& fates, Span within, const StoredSet& stored, Fate fate) {
  const std::uint64_t readings = stored.set.known_count();
  if (fate == Fate::left_out) {
    fates.left_out += readings;
    return;
  }
  if (fate == Fate::delivered) fates.delivered += readings;
  const std::optional<Hold> hold = hold_of(fate);
  if (fates.runs.empty()) {
    fates.runs.push_back({within, hold, 0});
  } else if (fates.runs.back().hold != hold) {
    fates.runs.back().span.last = stored.seq - 1;
    fates.runs.push_back({{stored.seq, within.last}, hold, 0});
  }
  if (hold) fates.runs.back().readings += readings;
}

}  // namespace

Span span_of(const std::vector<StoredSet>& sets) {
  if (sets.empty()) return {};
  return {sets.front().seq, sets.back().seq};
}

DeliveryRecord::DeliveryRecord(store::ExporterRecord record, std::uint64_t backlog_readings)
    : record_(std::move(record)),
      stored_(record_.delivered + record_.dropped + record_.left_out +
              record_.held.readings(Hold::set_aside) + backlog_readings),
      saved_delivered_(record_.delivered),
      saved_left_out_(record_.left_out) {}

std::uint64_t DeliveryRecord::backlog() const {
  const std::uint64_t elsewhere = saved_delivered_ + record_.dropped + saved_left_out_ + set_aside();
  return stored_ - std::min(stored_, elsewhere);
}

std::uint64_t DeliveryRecord::undelivered() const {
  return stored_ - std::min(stored_, record_.delivered + record_.dropped + record_.left_out);
}

std::optional<std::uint64_t> DeliveryRecord::first_undelivered(std::uint64_t last) const {
  const auto gap = record_.marks.first_gap(record_.marks.low() + 1, last);
  const auto held = record_.held.first();
  if (!gap) return held;
  return held ? std::min(gap->first, *held) : gap->first;
}

store::ExporterRecord DeliveryRecord::begin_commit() {
  committing_ = true;
  unsaved_before_commit_ = std::exchange(unsaved_, false);
  being_saved_delivered_ = record_.delivered;
  being_saved_left_out_ = record_.left_out;
  return record_;
}

void DeliveryRecord::end_commit(std::uint64_t stored, Span removed, std::uint64_t dropped,
                                const store::HeldSets* held) {
  if (!removed.empty()) record_.marks.raise_low(removed.last);
  if (held != nullptr) record_.held = *held;
  record_.dropped += dropped;
  saved_delivered_ = being_saved_delivered_;
  saved_left_out_ = being_saved_left_out_;
  stored_ += stored;
  apply_waiting();
}

void DeliveryRecord::abandon_commit() {
  unsaved_ = unsaved_ || unsaved_before_commit_;
  apply_waiting();
}

void DeliveryRecord::apply_waiting() {
  committing_ = false;
  for (const Settlement& settlement : std::exchange(waiting_, {})) apply(settlement);
}

void DeliveryRecord::settle(StoredBatch sets, std::vector<Fate> fates) {
  const auto is_unanswered = [](Fate fate) { return fate == Fate::unanswered; };
  if (!std::ranges::all_of(fates, is_unanswered)) take({std::move(sets), std::move(fates), std::nullopt});
}

void DeliveryRecord::settle_held(HeldPart part, StoredBatch sets, std::vector<Fate> fates) {
  take({std::move(sets), std::move(fates), std::move(part)});
}

void DeliveryRecord::take(Settlement settlement) {
  if (committing_)
    waiting_.push_back(std::move(settlement));
  else
    apply(settlement);
}

void DeliveryRecord::apply(const Settlement& settlement) {
  unsaved_ = true;
  if (settlement.part)
    apply_to_held(*settlement.part, *settlement.sets, settlement.fates);
  else
    apply_to_gap(*settlement.sets, settlement.fates);
}

void DeliveryRecord::apply_to_gap(const std::vector<StoredSet>& sets, const std::vector<Fate>& fates) {
  const Span span = span_of(sets);
  std::map<HeldSource, SourceFates> by_source;
  for (std::size_t i = 0; i < sets.size(); ++i)
    if (!record_.marks.contains(sets[i].seq))
      add_fate(by_source[source_of(sets[i])], span, sets[i], fates[i]);
  std::set<HeldSource> inside;
  for (const auto& [source, fates_of_source] : by_source) {
    if (!record_.held.has_room_for(source)) return;  // the whole of it is sent again
    if (!fates_of_source.runs.empty()) inside.insert(source);
  }
  if (!record_.marks.add(span)) return;
  record_.held.extend_over(span, inside);
  for (const auto& [source, of_source] : by_source) {
    record_.delivered += of_source.delivered;
    record_.left_out += of_source.left_out;
    for (const FateRun& run : of_source.runs)
      if (run.hold) record_.held.add(source, {run.span, run.readings, *run.hold});
  }
}

void DeliveryRecord::apply_to_held(const HeldPart& part, const std::vector<StoredSet>& sets,
                                   const std::vector<Fate>& fates) {
  for (const auto& [source, spans] : part) {
    for (const Span& span : spans) {
      // What the limits took out meanwhile is held no longer.
      const auto held = record_.held.overlap(source, span);
      if (!held) continue;
      SourceFates of_source;
      for (std::size_t i = 0; i < sets.size(); ++i)
        if (held->first <= sets[i].seq && sets[i].seq <= held->last && source_of(sets[i]) == source)
          add_fate(of_source, *held, sets[i], fates[i]);
      settle_part(source, *held, of_source);
    }
  }
}

void DeliveryRecord::settle_part(const HeldSource& source, Span held, const SourceFates& fates) {
  std::uint64_t seen = fates.delivered;
  for (const FateRun& run : fates.runs) seen += run.readings;
  std::uint64_t taken = record_.held.take(source, held, seen);
  const auto share = [&taken](std::uint64_t readings) {
    const std::uint64_t given = std::min(readings, taken);
    taken -= given;
    return given;
  };
  record_.delivered += share(fates.delivered);
  for (const FateRun& run : fates.runs)
    if (run.hold) record_.held.add(source, {run.span, share(run.readings), *run.hold});
  // What is left over belongs to sets that were asked for before and are left out now.
  record_.left_out += taken;
}

void DeliveryRecord::claim(Span span) { claims_.push_back(span); }

void DeliveryRecord::release(Span span) {
  const auto claim = std::ranges::find(claims_, span);
  if (claim != claims_.end()) claims_.erase(claim);
}

std::optional<Span> DeliveryRecord::next_gap(std::uint64_t last) const {
  std::vector<Span> taken = claims_;
  for (const Settlement& settlement : waiting_)
    if (!settlement.part) taken.push_back(span_of(*settlement.sets));
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
