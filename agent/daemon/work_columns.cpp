#include "agent/daemon/work_columns.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "agent/accounting/work_lists.h"
#include "config/scope_tree.h"
#include "readings/pci_address.h"

namespace flopwatt::daemon {
namespace {

constexpr std::int64_t second_us = 1'000'000;
/// Batches come each second, and not by the microsecond.
constexpr std::int64_t nearly_a_second_us = second_us * 9 / 10;
/// Sets of a scope that has become silent go on for so long, to say that its work is not known any more.
constexpr std::chrono::seconds last_sets{10};

bool is_same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

void WorkColumns::Tallies::advance(std::int64_t now_us) {
  counted.advance(now_us);
  model.advance(now_us);
}

void WorkColumns::Tallies::append_fields(std::vector<Field>& fields) const {
  counted.append_fields(fields);
  model.append_fields(fields);
}

void WorkColumns::Tallies::append_values(std::vector<double>& values, std::int64_t time_us) const {
  counted.append_values(values, time_us);
  model.append_values(values, time_us);
}

void WorkColumns::set_scopes(std::vector<ScopeConfig> scopes) {
  scopes_ = std::move(scopes);
  for (ScopeWork& entry : scope_work_) entry.exists = false;
  for (const ScopeConfig& scope : scopes_) {
    const std::size_t id = id_of_scope(scope.name);
    if (id == scope_work_.size()) scope_work_.emplace_back().name = scope.name;
    scope_work_[id].exists = true;
  }
  for (const auto& entry : accelerators_)
    if (entry) entry->scopes = scopes_of(entry->told->name);
  sum_peak_rates();
}

std::size_t WorkColumns::id_of_scope(const std::string& name) const {
  return static_cast<std::size_t>(std::ranges::find(scope_work_, name, &ScopeWork::name) -
                                  scope_work_.begin());
}

std::vector<std::size_t> WorkColumns::scopes_of(const std::string& accelerator) const {
  std::vector<std::size_t> ids;
  if (const auto innermost = accounting::scope_of_accelerator(scopes_, accelerator))
    for (const std::size_t scope : ScopeTree(scopes_).outwards(*innermost))
      ids.push_back(id_of_scope(scopes_[scope].name));
  return ids;
}

SourcePtr WorkColumns::describe(SourceId id, const SourcePtr& source) {
  if (source->kind != SourceKind::accelerator) return source;
  if (id >= accelerators_.size()) accelerators_.resize(id + std::size_t{1});
  if (!accelerators_[id]) {
    accelerators_[id] = std::make_unique<AcceleratorWork>();
    if (auto kept = kept_.extract(source->name)) accelerators_[id]->tallies = std::move(kept.mapped());
  }
  AcceleratorWork& entry = *accelerators_[id];
  entry.told = source;
  entry.pipe_work = source->index_of({.quantity = Quantity::pipe_work});
  entry.estimated_work = source->index_of({.quantity = Quantity::estimated_work});
  entry.peak_rates.clear();
  for (std::size_t i = 0; i < source->fields.size(); ++i)
    if (source->fields[i].channel.quantity == Quantity::peak_rate) entry.peak_rates.push_back(i);
  entry.scopes = scopes_of(source->name);
  sum_peak_rates();
  complete_source(entry);
  return entry.completed;
}

void WorkColumns::complete_source(AcceleratorWork& entry) {
  auto completed = std::make_shared<Source>(*entry.told);
  entry.tallies.append_fields(completed->fields);
  completed->fields.push_back({.channel = {.quantity = Quantity::work}, .wire = Wire::f64});
  completed->fields.push_back({.channel = {.quantity = Quantity::method}, .wire = Wire::u8});
  entry.precision_count = entry.tallies.precision_count();
  entry.completed = std::move(completed);
}

void WorkColumns::remove(SourceId id) {
  if (id >= accelerators_.size() || !accelerators_[id]) return;
  kept_.insert_or_assign(accelerators_[id]->told->name, std::move(accelerators_[id]->tallies));
  accelerators_[id].reset();
  sum_peak_rates();
}

void WorkColumns::complete(SourceId id, ReadingSet& set) {
  if (id >= accelerators_.size() || !accelerators_[id]) return;
  AcceleratorWork& entry = *accelerators_[id];
  if (set.source != entry.told) describe(id, set.source);
  follow_peak(entry, set);
  entry.tallies.advance(set.time.monotonic_us);
  if (entry.precision_count != entry.tallies.precision_count()) complete_source(entry);
  const BestWork best = best_work(entry, set);
  set.source = entry.completed;
  set.values.reserve(entry.completed->fields.size());
  entry.tallies.append_values(set.values, set.time.monotonic_us);
  set.values.push_back(best.work);
  set.values.push_back(best.method == Method::none ? absent : static_cast<double>(best.method));
}

/// Notes the peak that the set tells of the device.
void WorkColumns::follow_peak(AcceleratorWork& entry, const ReadingSet& set) {
  double peak_rate = 0;
  for (const std::size_t column : entry.peak_rates)
    if (set.values[column] > peak_rate) peak_rate = set.values[column];
  if (peak_rate == 0) peak_rate = accounting::possible_flop_per_second;
  if (std::exchange(entry.peak_rate, peak_rate) != peak_rate) sum_peak_rates();
}

/// A device with pipes that tell nothing for one sample still offers pipe: the work of that set is unknown.
/// Only when they are silent for as long as makes a source stale, the estimate is the best there is.
WorkColumns::BestWork WorkColumns::best_work(AcceleratorWork& entry, const ReadingSet& set) {
  if (entry.tallies.counted.offered()) return {entry.tallies.counted.total(), Method::counted};
  const auto value_of = [&](const std::optional<std::size_t>& column) {
    return column ? set.values[*column] : absent;
  };
  if (const double pipe = value_of(entry.pipe_work); is_known(pipe)) {
    entry.pipe_known_us = set.time.monotonic_us;
    return {pipe, Method::pipe};
  }
  const bool has_pipes = entry.pipe_work && entry.pipe_known_us != 0 &&
                         set.time.monotonic_us - entry.pipe_known_us <= set.source->stale_after().count();
  const double estimate = value_of(entry.estimated_work);
  if (!has_pipes && entry.tallies.model.offered()) return {entry.tallies.model.total(), Method::model};
  return has_pipes || !is_known(estimate) ? BestWork{} : BestWork{estimate, Method::estimated};
}

void WorkColumns::sum_peak_rates() {
  for (ScopeWork& scope : scope_work_) scope.peak_rate = 0;
  for (const auto& entry : accelerators_)
    if (entry)
      for (const std::size_t scope : entry->scopes) scope_work_[scope].peak_rate += entry->peak_rate;
  for (ScopeWork& scope : scope_work_)
    if (scope.peak_rate == 0) scope.peak_rate = accounting::possible_flop_per_second;
}

ReadingSet WorkColumns::scope_set(ScopeWork& entry, Moment now) {
  entry.tallies.advance(now.monotonic_us);
  if (!entry.source || entry.precision_count != entry.tallies.precision_count()) {
    auto source = std::make_shared<Source>();
    source->kind = SourceKind::work;
    source->name = entry.name;
    source->interval = source->effective_period = std::chrono::seconds(1);
    entry.tallies.append_fields(source->fields);
    entry.precision_count = entry.tallies.precision_count();
    entry.source = std::move(source);
  }
  ReadingSet set{.source = entry.source, .time = now, .values = {}};
  set.values.reserve(entry.source->fields.size());
  entry.tallies.append_values(set.values, now.monotonic_us);
  return set;
}

void WorkColumns::append_scope_sets(Moment now, std::vector<ReadingSet>& batch) {
  for (ScopeWork& entry : scope_work_) {
    const std::int64_t silent_us = now.monotonic_us - entry.line_us;
    const bool is_over = std::chrono::microseconds(silent_us) > longest_told + last_sets;
    if (entry.line_us == 0 || is_over || !entry.exists) continue;
    if (!entry.counted && now.monotonic_us - entry.told_us < nearly_a_second_us) continue;
    entry.counted = false;
    entry.told_us = now.monotonic_us;
    batch.push_back(scope_set(entry, now));
  }
}

template <class Matches>
std::optional<WorkTarget> WorkColumns::find_entry(Matches matches) const {
  for (std::size_t id = 0; id < accelerators_.size(); ++id)
    if (accelerators_[id] && matches(*accelerators_[id]->told))
      return WorkTarget{
          .is_scope = false, .id = static_cast<std::uint32_t>(id), .peak_rate = accelerators_[id]->peak_rate};
  return std::nullopt;
}

std::optional<WorkTarget> WorkColumns::find_accelerator(std::string_view who) const {
  if (who.empty()) return std::nullopt;  // which an unknown uuid is
  if (const auto found = find_entry([&](const Source& source) { return source.name == who; })) return found;
  if (const auto found =
          find_entry([&](const Source& source) { return is_same_ignoring_case(source.identity.uuid, who); }))
    return found;
  const auto pci = normal_pci(who);
  return pci ? find_entry([&](const Source& source) { return source.identity.pci == *pci; }) : std::nullopt;
}

std::optional<WorkTarget> WorkColumns::find_scope(std::string_view name) const {
  for (std::size_t id = 0; id < scope_work_.size(); ++id)
    if (scope_work_[id].exists && scope_work_[id].name == name)
      return WorkTarget{
          .is_scope = true, .id = static_cast<std::uint32_t>(id), .peak_rate = scope_work_[id].peak_rate};
  return std::nullopt;
}

void WorkColumns::count(const WorkTarget& target, const WorkLine& line) {
  if (!target.is_scope) {
    accelerators_.at(target.id)->tallies.of(line.kind).count(line);
    return;
  }
  ScopeWork& entry = scope_work_.at(target.id);
  entry.tallies.of(line.kind).count(line);
  entry.counted = true;
  entry.line_us = line.now_us;
}

}  // namespace flopwatt::daemon
