// How a session goes on where something was lost: in place of a damaged file, after a failure, past unreadable rows.
// What an exporter can neither deliver nor has still to deliver is counted as dropped.
#include <algorithm>

#include "agent/store/session_transaction.h"

namespace flopwatt::store {

Result<Done, Failure> Session::adopt(const Salvaged& salvaged, const std::vector<std::string>& names,
                                     LogState& state, Totals& totals) {
  LogState next = state;
  if (!names.empty()) next.aside = salvaged.log;
  next.total = next.removed = salvaged.log.total;
  next.has_unreadable = true;
  next.exporters = salvaged.exporters;
  if (salvaged.lacks_exporters)
    for (const std::string& name : names)
      next.exporters.try_emplace(
          name, Exporter{{DeliveryMarks(salvaged.log.seqs.first - 1), 0, 0}, salvaged.log.removed});
  Transaction transaction(*this);
  begin_at(next.first_seq, next.total);
  if (next.aside) save_aside(*database_, *next.aside);
  save_exporters({}, next.exporters);
  totals_.save(salvaged.totals);
  if (!transaction.commit()) return take_failure("take over what was set aside to");
  totals = salvaged.totals;
  state = std::move(next);
  return Done{};
}

Result<Done, Failure> Session::give_up_aside(LogState& state) {
  Transaction transaction(*this);
  forget_aside(*database_);
  if (!transaction.commit()) return take_failure("forget what was set aside in");
  state.aside.reset();
  state.has_unreadable = true;
  return Done{};
}

bool Session::finish_aside(LogState& state) {
  if (!state.aside) return false;
  for (const auto& [name, exporter] : state.exporters) {
    const auto held = exporter.record.held.first();
    if (exporter.record.marks.low() < state.aside->seqs.last || (held && *held <= state.aside->seqs.last))
      return false;
  }
  forget_aside(*database_);
  state.aside.reset();
  return true;
}

std::uint64_t Session::settle(Exporter& exporter, const LogState& state) {
  ExporterRecord& record = exporter.record;
  const std::uint64_t accounted = record.delivered + record.dropped + record.left_out +
                                  record.held.readings(Hold::set_aside) + backlog(exporter, state);
  const std::uint64_t stored = state.total - std::min(state.total, exporter.registered);
  const std::uint64_t lost = stored - std::min(stored, accounted);
  record.dropped += lost;
  return lost;
}

std::vector<ForgottenExporter> Session::owed_to_others(const std::vector<std::string>& names,
                                                       const LogState& state) {
  std::vector<ForgottenExporter> others;
  for (const auto& [name, exporter] : state.exporters) {
    if (std::ranges::find(names, name) != names.end()) continue;
    const ExporterRecord& record = exporter.record;
    const std::uint64_t readings = backlog(exporter, state) + record.held.readings(Hold::set_aside);
    if (readings == 0) continue;
    std::uint64_t first = state.next_seq;
    if (const auto gap = record.marks.first_gap(state.first_owed(), state.next_seq - 1)) first = gap->first;
    if (const auto held = record.held.first()) first = std::min(first, *held);
    ForgottenExporter& owed = others.emplace_back(ForgottenExporter{name, readings, std::nullopt});
    const auto oldest = read({first, state.next_seq - 1}, 1, state);
    if (oldest && !oldest->empty()) owed.since_us = oldest->front().set.time.wall_us;
  }
  return others;
}

std::map<std::string, std::uint64_t> Session::settle_all(LogState& state) {
  std::map<std::string, std::uint64_t> lost;
  if (!state.has_unreadable) return lost;
  for (auto& [name, exporter] : state.exporters) lost[name] = settle(exporter, state);
  return lost;
}

Result<Removal, Failure> Session::continue_from(LogState& state, const Totals& totals, const Commit& commit,
                                                const std::optional<Aside>& aside) {
  LogState kept = found_;
  kept.has_unreadable = kept.has_unreadable || state.has_unreadable || aside;
  kept.total = state.total;
  kept.exporters = state.exporters;
  Transaction transaction(*this);
  if (found_.has_rows()) {
    log_.remove_from(state.next_seq);
    kept.next_seq = state.next_seq;
    kept.last_seq = state.last_seq;
  }
  if (aside) {
    kept.aside = aside;
    save_aside(*database_, *aside);
  }
  if (!kept.has_rows()) {
    kept.first_seq = kept.next_seq;
    kept.removed = kept.total;
    kept.oldest_wall_us = 0;
    begin_at(kept.next_seq, kept.total);
  }
  take_marks(commit.exporters, kept);

  Removal removal;
  if (kept.first_owed() > state.first_owed()) removal.span = {state.first_owed(), kept.first_owed() - 1};
  for (auto& [name, exporter] : kept.exporters) {
    exporter.record.marks.raise_low(kept.first_owed() - 1);
    (void)exporter.record.held.cut_through(kept.first_owed() - 1);  // settle() counts them
    const std::uint64_t lost = settle(exporter, kept);
    if (!removal.span.empty()) removal.dropped[name] = lost;
  }
  save_exporters({}, kept.exporters);
  totals_.clear();
  totals_.save(totals);
  if (!transaction.commit()) return take_failure("restore");
  kept.newest = state.newest;
  state = std::move(kept);
  return removal;
}

}  // namespace flopwatt::store
