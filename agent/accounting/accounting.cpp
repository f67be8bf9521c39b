#include "agent/accounting/accounting.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "agent/accounting/member.h"
#include "agent/accounting/scope.h"
#include "agent/accounting/window_clock.h"
#include "agent/accounting/work_lists.h"

namespace flopwatt::accounting {
namespace {

// Where a source counts. No member: no scope names it.
struct Entry {
  std::unique_ptr<Member> member;
  std::vector<Scope*> scopes;
};

// A description seen before. Holding it keeps its address from being given to another.
struct Described {
  SourcePtr source;
  Entry* entry = nullptr;
};

}  // namespace

struct Accounting::State {
  State(Settings configured, const Totals& totals)
      : settings(std::move(configured)), restored(totals), clock(settings.windows) {
    for (std::size_t i = 0; i < settings.scopes.size(); ++i)
      scopes.push_back(std::make_unique<Scope>(settings.scopes[i], settings.windows,
                                               lists_number(settings.scopes, i), restored));
    for (const Window& window : settings.windows)
      longest_window_us = std::max(longest_window_us, window.length.count());
    retention.longest_us = longest_window_us;
  }

  Entry& entry_of(const ReadingSet& set);
  void enter(Entry& entry, const ReadingSet& set);
  void keep_enough(const Source& source);

  Settings settings;
  Totals restored;
  WindowClock clock;
  Retention retention;
  std::int64_t longest_window_us = 0;
  std::vector<std::unique_ptr<Scope>> scopes;
  std::unordered_map<std::string, Entry> entries;             // by name: unique over meters and accelerators
  std::unordered_map<const Source*, Described> descriptions;  // one for each entry: the newest
};

Entry& Accounting::State::entry_of(const ReadingSet& set) {
  const auto known = descriptions.find(set.source.get());
  if (known != descriptions.end()) return *known->second.entry;

  const auto [position, is_new] = entries.try_emplace(set.source->name);
  Entry& entry = position->second;
  if (is_new)
    enter(entry, set);
  else if (entry.member)
    entry.member->describe(set.source);
  std::erase_if(descriptions, [&](const auto& described) { return described.second.entry == &entry; });
  descriptions.emplace(set.source.get(), Described{set.source, &entry});
  keep_enough(*set.source);
  return entry;
}

void Accounting::State::enter(Entry& entry, const ReadingSet& set) {
  const Source& source = *set.source;
  if (source.kind == SourceKind::accelerator) {
    const auto scope = scope_of_accelerator(settings.scopes, source.name);
    if (!scope) return;
    entry.member = std::make_unique<Member>(set.source, restored, set.time);
    scopes[*scope]->join_accelerator(entry.member.get());
    entry.scopes.push_back(scopes[*scope].get());
  } else if (source.kind == SourceKind::meter) {
    for (std::size_t i = 0; i < settings.scopes.size(); ++i) {
      const auto& meters = settings.scopes[i].energy;
      const auto named = std::ranges::find(meters, source.name, &EnergyEntry::meter);
      if (named == meters.end()) continue;
      if (!entry.member) entry.member = std::make_unique<Member>(set.source, restored, set.time);
      scopes[i]->join_meter(static_cast<std::size_t>(named - meters.begin()), entry.member.get());
      entry.scopes.push_back(scopes[i].get());
    }
  }
}

void Accounting::State::keep_enough(const Source& source) {
  // A window is closed when its slowest source has reached its end or is stale, and a while later by the
  // clock.
  const std::int64_t lag_us = 2 * source.stale_after().count();
  retention.longest_us = std::max(retention.longest_us, longest_window_us + longest_window_us / 16 + lag_us);
}

Accounting::Accounting(Settings settings, const Totals& restored)
    : state_(std::make_unique<State>(std::move(settings), restored)) {}
Accounting::~Accounting() = default;
Accounting::Accounting(Accounting&&) noexcept = default;
Accounting& Accounting::operator=(Accounting&&) noexcept = default;

std::vector<ReadingSet> Accounting::advance(std::span<const ReadingSet> batch, Moment now) {
  State& state = *state_;
  for (const ReadingSet& set : batch) {
    Entry& entry = state.entry_of(set);
    if (!entry.member) continue;
    const Growth growth = entry.member->add(set, state.retention);
    for (Scope* scope : entry.scopes) scope->add(*entry.member, growth);
  }
  for (const ClosedWindow& window : state.clock.advance(now))
    for (const auto& scope : state.scopes) scope->await(window);
  state.retention.exact_us = state.clock.starts_us();

  std::vector<ReadingSet> closed;
  for (const auto& scope : state.scopes)
    scope->close_windows(now.monotonic_us, state.settings.min_coverage, closed);
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
  Totals totals;
  for (const auto& scope : state_->scopes) scope->take_changed(totals);
  for (auto& [name, entry] : state_->entries)
    if (entry.member) entry.member->take_changed(totals);
  return totals;
}

}  // namespace flopwatt::accounting
