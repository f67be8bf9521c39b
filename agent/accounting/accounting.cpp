#include "agent/accounting/accounting.h"

#include <algorithm>
#include <cstdlib>
#include <unordered_map>
#include <utility>

#include "agent/accounting/member.h"
#include "agent/accounting/scope.h"
#include "agent/accounting/scope_plan.h"
#include "agent/accounting/window_clock.h"
#include "agent/accounting/work_lists.h"
#include "config/scope_tree.h"

namespace flopwatt::accounting {
namespace {

/// The wall clock of one boot is off from the monotonic one by no more.
constexpr std::int64_t one_boot_us = 1'000'000;

// One part of a source that counts, and where.
struct Counted {
  std::unique_ptr<Member> member;
  std::vector<Scope*> scopes;  // to whose totals it adds; empty: it is gone
};

// All parts of a source that count: the meter and its branches; of an accelerator, or of the counted work of
// a scope, one part. Empty: no scope names the source.
using Entry = std::vector<Counted>;

// A description seen before. Holding the pointer keeps its address from being reused.
struct Described {
  SourcePtr source;
  Entry* entry = nullptr;
};

}  // namespace

struct Accounting::State {
  State(Settings configured, const Totals& totals, Moment since)
      : settings(std::move(configured)), began(since), known(totals), clock(settings.windows) {
    make_scopes();
  }

  void make_scopes();
  void reconfigure(Settings configured);
  void forget(const std::string& name);
  Entry& entry_of(const ReadingSet& set, bool is_replay = false);
  void complete(Entry& entry, const ReadingSet& set, bool is_first, bool is_replay);
  [[nodiscard]] std::vector<std::uint16_t> wanted_parts(const Source& source) const;
  void join(Counted& counted);
  void keep_enough(const Source& source);
  void take_changed();

  Settings settings;
  Moment began;
  Totals known;    // as restored, and what was taken since
  Totals changed;  // since somebody took it
  WindowClock clock;
  Moment newest;  // of the last batch
  Retention retention;
  std::int64_t longest_window_us = 0, longest_lag_us = 0;
  std::vector<std::unique_ptr<Scope>> scopes;
  std::unordered_map<std::string, Entry> entries;             // by name: unique over all sources and scopes
  std::unordered_map<const Source*, Described> descriptions;  // one for each entry: the newest
};

void Accounting::State::make_scopes() {
  scopes.clear();
  longest_window_us = 0;
  for (ScopePlan& plan : plan_scopes(settings.scopes))
    scopes.push_back(std::make_unique<Scope>(std::move(plan), settings.windows, known, began.monotonic_us,
                                             std::max(began.monotonic_us, newest.monotonic_us)));
  for (const Window& window : settings.windows)
    longest_window_us = std::max(longest_window_us, window.length.count());
  retention.longest_us = longest_window_us + longest_window_us / 16 + longest_lag_us;
}

// Makes new scopes: members may have changed in any scope. Scopes with unchanged lists continue.
void Accounting::State::reconfigure(Settings configured) {
  take_changed();
  const bool windows_stay = settings.windows == configured.windows;
  settings = std::move(configured);
  const auto before = std::exchange(scopes, {});
  make_scopes();
  for (const auto& scope : scopes) {
    const auto same = std::ranges::find_if(before, [&](const auto& old) {
      return old->plan().name == scope->plan().name && old->plan().lists == scope->plan().lists &&
             old->plan().device_lists == scope->plan().device_lists;
    });
    if (same != before.end()) scope->carry_on(**same, windows_stay);
  }
  if (!windows_stay) {
    clock = WindowClock(settings.windows);
    if (newest.monotonic_us != 0) (void)clock.advance(newest);  // nothing is lost since the last batch
  }
  const auto counts_nowhere = [](const Counted& counted) { return counted.scopes.empty(); };
  for (auto& [name, entry] : entries) {
    std::erase_if(entry, counts_nowhere);
    for (Counted& counted : entry) join(counted);
    std::erase_if(entry, counts_nowhere);
  }
  descriptions.clear();  // each source is looked up again at its next set: another part may count now
}

void Accounting::State::forget(const std::string& name) {
  const auto found = entries.find(name);
  if (found == entries.end()) return;
  Entry& entry = found->second;
  for (Counted& counted : entry) {
    for (const auto& scope : scopes) scope->leave(counted.member.get(), newest.monotonic_us);
    counted.scopes.clear();
  }
  // If the source comes back, it is looked up again.
  std::erase_if(descriptions, [&](const auto& described) { return described.second.entry == &entry; });
}

Entry& Accounting::State::entry_of(const ReadingSet& set, bool is_replay) {
  const auto seen = descriptions.find(set.source.get());
  if (seen != descriptions.end()) return *seen->second.entry;

  const auto [position, is_first] = entries.try_emplace(set.source->name);
  Entry& entry = position->second;
  complete(entry, set, is_first, is_replay);
  std::erase_if(descriptions, [&](const auto& described) { return described.second.entry == &entry; });
  descriptions.emplace(set.source.get(), Described{set.source, &entry});
  keep_enough(*set.source);
  return entry;
}

void Accounting::State::complete(Entry& entry, const ReadingSet& set, bool is_first, bool is_replay) {
  for (Counted& counted : entry) {
    counted.member->describe(set.source);
    if (counted.scopes.empty()) join(counted);
  }
  for (const std::uint16_t part : wanted_parts(*set.source)) {
    if (std::ranges::any_of(entry, [&](const Counted& one) { return one.member->branch() == part; }))
      continue;
    Counted counted{std::make_unique<Member>(set.source, part), {}};
    if (!is_replay) counted.member->restore(known, set.time);
    if (is_first && !is_replay) counted.member->begin_counting_at_zero();
    join(counted);
    entry.push_back(std::move(counted));
  }
}

// Branches of a meter; 0 for the whole source.
std::vector<std::uint16_t> Accounting::State::wanted_parts(const Source& source) const {
  std::vector<std::uint16_t> parts;
  const auto want = [&](std::uint16_t part) {
    if (std::ranges::find(parts, part) == parts.end()) parts.push_back(part);
  };
  if (source.kind == SourceKind::meter) {
    for (const auto& scope : scopes)
      for (const EnergyEntry& entry : scope->plan().energy)
        if (entry.meter == source.name) want(entry.branch);
  } else if (source.kind == SourceKind::accelerator) {
    if (scope_of_accelerator(settings.scopes, source.name)) want(0);
  } else if (source.kind == SourceKind::work) {
    if (std::ranges::find(settings.scopes, source.name, &ScopeConfig::name) != settings.scopes.end()) want(0);
  }
  return parts;
}

void Accounting::State::join(Counted& counted) {
  counted.scopes.clear();
  const Member* member = counted.member.get();
  const Source& source = member->source();
  const auto join_each = [&](const auto& joins) {
    for (const auto& scope : scopes)
      if (joins(*scope)) counted.scopes.push_back(scope.get());
  };
  if (source.kind == SourceKind::meter) {
    const EnergyEntry entry{source.name, member->branch()};
    join_each([&](Scope& scope) { return scope.join_meter(entry, member); });
  } else if (source.kind == SourceKind::accelerator) {
    const auto owner = scope_of_accelerator(settings.scopes, source.name);
    if (!owner) return;
    const auto around = ScopeTree(settings.scopes).outwards(*owner);
    for (const std::size_t i : around) {
      scopes[i]->join_accelerator(member, around);
      counted.scopes.push_back(scopes[i].get());
    }
  } else {
    const auto named = std::ranges::find(settings.scopes, source.name, &ScopeConfig::name);
    const auto index = static_cast<std::size_t>(named - settings.scopes.begin());
    join_each([&](Scope& scope) { return scope.join_lines(index, member); });
  }
}

void Accounting::State::keep_enough(const Source& source) {
  // A window is closed when its slowest source has reached its end or is stale, and a while
  // later by the clock.
  std::chrono::microseconds lag = 2 * source.stale_after();
  const bool is_told = source.index_of({.quantity = Quantity::counted_work_age}) ||
                       source.index_of({.quantity = Quantity::model_work_age});
  if (is_told) lag += longest_told;
  longest_lag_us = std::max<std::int64_t>(longest_lag_us, lag.count());
  retention.longest_us = longest_window_us + longest_window_us / 16 + longest_lag_us;
}

void Accounting::State::take_changed() {
  Totals totals;
  for (const auto& scope : scopes) scope->take_changed(totals);
  for (auto& [name, entry] : entries)
    for (Counted& counted : entry) counted.member->take_changed(totals);
  for (const auto& [key, total] : totals) known.insert_or_assign(key, total);
  totals.merge(changed);  // what nobody has taken yet stays, unless it is newer now
  changed = std::move(totals);
}

Accounting::Accounting(Settings settings, const Totals& restored, Moment began)
    : state_(std::make_unique<State>(std::move(settings), restored, began)) {}
Accounting::~Accounting() = default;
Accounting::Accounting(Accounting&&) noexcept = default;
Accounting& Accounting::operator=(Accounting&&) noexcept = default;

void Accounting::reconfigure(Settings settings) { state_->reconfigure(std::move(settings)); }

void Accounting::replay(std::span<const ReadingSet> sets, Moment began) {
  State& state = *state_;
  std::int64_t newest_us = 0;
  for (ReadingSet set : sets) {
    const SourceKind kind = set.source->kind;
    if (kind != SourceKind::meter && kind != SourceKind::accelerator && kind != SourceKind::work) continue;
    // Of the same boot both clocks agree, but for steps of the wall clock.
    const std::int64_t age_us = began.wall_us - set.time.wall_us;
    const std::int64_t apart_us = age_us - (began.monotonic_us - set.time.monotonic_us);
    if (std::abs(apart_us) > one_boot_us) set.time.monotonic_us = began.monotonic_us - age_us;
    if (set.time.monotonic_us >= began.monotonic_us) continue;
    if (newest_us == 0) state.clock.begin_at(set.time.wall_us);
    newest_us = std::max(newest_us, set.time.monotonic_us);
    for (Counted& counted : state.entry_of(set, true)) counted.member->add(set, state.retention);
  }
  for (auto& [name, entry] : state.entries)
    for (Counted& counted : entry) {
      counted.member->restore(state.known, began);
      counted.member->begin_counting_at_zero();
    }
  if (newest_us == 0) return;
  for (const auto& scope : state.scopes) scope->go_on_from(newest_us);
}

void Accounting::forget(const std::string& source) { state_->forget(source); }

std::vector<ReadingSet> Accounting::advance(std::span<const ReadingSet> batch, Moment now) {
  State& state = *state_;
  for (const ReadingSet& set : batch) {
    Entry& entry = state.entry_of(set);
    for (Counted& counted : entry) {
      const Growth growth = counted.member->add(set, state.retention);
      for (Scope* scope : counted.scopes) scope->add(*counted.member, growth);
    }
  }
  state.newest = now;
  for (const auto& scope : state.scopes) scope->add_covered(now.monotonic_us, state.longest_window_us);
  for (const ClosedWindow& window : state.clock.advance(now))
    for (const auto& scope : state.scopes) scope->await(window);
  state.retention.exact_us = state.clock.starts_us();
  for (const auto& scope : state.scopes) scope->add_exact(state.retention.exact_us);

  std::vector<ReadingSet> closed;
  for (const auto& scope : state.scopes) scope->close_windows(now, state.settings.min_coverage, closed);
  std::ranges::stable_sort(closed, {}, [](const ReadingSet& set) { return set.time.monotonic_us; });
  return closed;
}

std::vector<ScopeFigures> Accounting::figures(Moment now) const {
  std::vector<ScopeFigures> figures;
  figures.reserve(state_->scopes.size());
  for (const auto& scope : state_->scopes)
    figures.push_back(scope->figures(now, state_->settings.min_coverage));
  return figures;
}

Totals Accounting::take_changed_totals() {
  state_->take_changed();
  return std::exchange(state_->changed, {});
}

}  // namespace flopwatt::accounting
