#include "agent/daemon/work_columns.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "agent/accounting/work_lists.h"
#include "config/scope_tree.h"
#include "config/yaml/parse_values.h"

namespace flopwatt::agent {
namespace {

constexpr std::int64_t second_us = 1'000'000;
/// Batches come each second, and not by the microsecond.
constexpr std::int64_t nearly_a_second_us = second_us * 9 / 10;

bool is_same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_active(const std::optional<std::size_t>& column, const ReadingSet& set) {
  return column && set.values[*column] > 0;
}

}  // namespace

void Workbook::set_scopes(std::vector<ScopeConfig> scopes) {
  scopes_ = std::move(scopes);
  for (ScopePage& page : scope_pages_) page.exists = false;
  for (const ScopeConfig& scope : scopes_) {
    const std::size_t id = id_of_scope(scope.name);
    if (id == scope_pages_.size()) scope_pages_.emplace_back().name = scope.name;
    scope_pages_[id].exists = true;
  }
  for (const auto& page : pages_)
    if (page) page->scopes = scopes_of(page->told->name);
  sum_peak_rates();
}

std::size_t Workbook::id_of_scope(const std::string& name) const {
  return static_cast<std::size_t>(std::ranges::find(scope_pages_, name, &ScopePage::name) -
                                  scope_pages_.begin());
}

std::vector<std::size_t> Workbook::scopes_of(const std::string& accelerator) const {
  std::vector<std::size_t> ids;
  if (const auto innermost = accounting::scope_of_accelerator(scopes_, accelerator))
    for (const std::size_t scope : ScopeTree(scopes_).outwards(*innermost))
      ids.push_back(id_of_scope(scopes_[scope].name));
  return ids;
}

SourcePtr Workbook::describe(SourceId id, const SourcePtr& source) {
  if (source->kind != SourceKind::accelerator) return source;
  if (id >= pages_.size()) pages_.resize(id + std::size_t{1});
  if (!pages_[id]) {
    pages_[id] = std::make_unique<Page>();
    if (auto kept = kept_.extract(source->name)) pages_[id]->tally = std::move(kept.mapped());
  }
  Page& page = *pages_[id];
  page.told = source;
  page.utilization = source->index_of({.quantity = Quantity::utilization});
  page.pipe_work = source->index_of({.quantity = Quantity::pipe_work});
  page.estimated_work = source->index_of({.quantity = Quantity::estimated_work});
  page.pipe_activity.clear();
  page.peak_rates.clear();
  for (std::size_t i = 0; i < source->fields.size(); ++i) {
    if (source->fields[i].channel.quantity == Quantity::pipe_active) page.pipe_activity.push_back(i);
    if (source->fields[i].channel.quantity == Quantity::peak_rate) page.peak_rates.push_back(i);
  }
  page.scopes = scopes_of(source->name);
  sum_peak_rates();
  complete_source(page);
  return page.completed;
}

void Workbook::complete_source(Page& page) {
  auto completed = std::make_shared<Source>(*page.told);
  page.tally.append_fields(completed->fields);
  completed->fields.push_back({.channel = {.quantity = Quantity::work}, .wire = Wire::f64});
  completed->fields.push_back({.channel = {.quantity = Quantity::method}, .wire = Wire::u8});
  page.precision_count = page.tally.precision_count();
  page.completed = std::move(completed);
}

void Workbook::remove(SourceId id) {
  if (id >= pages_.size() || !pages_[id]) return;
  kept_.insert_or_assign(pages_[id]->told->name, std::move(pages_[id]->tally));
  pages_[id].reset();
  sum_peak_rates();
}

void Workbook::complete(SourceId id, ReadingSet& set) {
  if (id >= pages_.size() || !pages_[id]) return;
  Page& page = *pages_[id];
  if (set.source != page.told) describe(id, set.source);
  follow(page, set);
  if (page.precision_count != page.tally.precision_count()) complete_source(page);
  const BestWork best = best_work(page, set);
  set.source = page.completed;
  set.values.reserve(page.completed->fields.size());
  page.tally.append_values(set.values);
  set.values.push_back(best.work);
  set.values.push_back(best.method == Method::none ? absent : static_cast<double>(best.method));
}

/// Notes what the set tells of the device: its peak, and whether it was busy since the set before.
void Workbook::follow(Page& page, const ReadingSet& set) {
  double peak_rate = 0;
  for (const std::size_t column : page.peak_rates)
    if (set.values[column] > peak_rate) peak_rate = set.values[column];
  if (peak_rate == 0) peak_rate = accounting::possible_flop_per_second;
  if (std::exchange(page.peak_rate, peak_rate) != peak_rate) sum_peak_rates();

  const std::int64_t until_us = set.time.monotonic_us;
  const std::int64_t from_us = std::max(page.newest_us, until_us - set.source->stale_after().count());
  const bool is_busy =
      is_active(page.utilization, set) ||
      std::ranges::any_of(page.pipe_activity, [&](std::size_t pipe) { return is_active(pipe, set); });
  if (is_busy && page.newest_us != 0) {
    page.tally.add_busy(from_us, until_us);
    for (const std::size_t scope : page.scopes) scope_pages_[scope].tally.add_busy(from_us, until_us);
  }
  page.newest_us = until_us;
}

/// A device with pipes that tell nothing for one sample still offers pipe: the work of that set is unknown.
/// Only when they are silent for as long as makes a source stale, the estimate is the best there is.
Workbook::BestWork Workbook::best_work(Page& page, const ReadingSet& set) const {
  if (page.tally.offered()) return {page.tally.total(), Method::counted};
  const auto value_of = [&](const std::optional<std::size_t>& column) {
    return column ? set.values[*column] : absent;
  };
  if (const double pipe = value_of(page.pipe_work); is_known(pipe)) {
    page.pipe_known_us = set.time.monotonic_us;
    return {pipe, Method::pipe};
  }
  const bool has_pipes = page.pipe_work && page.pipe_known_us != 0 &&
                         set.time.monotonic_us - page.pipe_known_us <= set.source->stale_after().count();
  const double estimate = value_of(page.estimated_work);
  return has_pipes || !is_known(estimate) ? BestWork{} : BestWork{estimate, Method::estimated};
}

void Workbook::sum_peak_rates() {
  for (ScopePage& scope : scope_pages_) scope.peak_rate = 0;
  for (const auto& page : pages_)
    if (page)
      for (const std::size_t scope : page->scopes) scope_pages_[scope].peak_rate += page->peak_rate;
  for (ScopePage& scope : scope_pages_)
    if (scope.peak_rate == 0) scope.peak_rate = accounting::possible_flop_per_second;
}

ReadingSet Workbook::scope_set(ScopePage& page, Moment now) {
  if (!page.source || page.precision_count != page.tally.precision_count()) {
    auto source = std::make_shared<Source>();
    source->kind = SourceKind::work;
    source->name = page.name;
    source->interval = source->effective_period = std::chrono::seconds(1);
    page.tally.append_fields(source->fields);
    page.precision_count = page.tally.precision_count();
    page.source = std::move(source);
  }
  ReadingSet set{.source = page.source, .time = now, .values = {}};
  set.values.reserve(page.source->fields.size());
  page.tally.append_values(set.values);
  return set;
}

void Workbook::append_scope_sets(Moment now, std::vector<ReadingSet>& batch) {
  for (ScopePage& page : scope_pages_) {
    const bool has_ended = !page.tally.offered() || !page.exists;
    if (has_ended && page.silent) continue;
    if (!has_ended && !page.counted && now.monotonic_us - page.told_us < nearly_a_second_us) continue;
    page.silent = has_ended;
    page.counted = false;
    page.told_us = now.monotonic_us;
    if (page.exists) batch.push_back(scope_set(page, now));
  }
}

template <class Matches>
std::optional<WorkTarget> Workbook::find_page(Matches matches) const {
  for (std::size_t id = 0; id < pages_.size(); ++id)
    if (pages_[id] && matches(*pages_[id]->told))
      return WorkTarget{
          .is_scope = false, .id = static_cast<std::uint32_t>(id), .peak_rate = pages_[id]->peak_rate};
  return std::nullopt;
}

std::optional<WorkTarget> Workbook::find_accelerator(std::string_view who) const {
  if (who.empty()) return std::nullopt;  // which an unknown uuid is
  if (const auto found = find_page([&](const Source& source) { return source.name == who; })) return found;
  if (const auto found =
          find_page([&](const Source& source) { return is_same_ignoring_case(source.identity.uuid, who); }))
    return found;
  const auto pci = normalise_pci(who);
  return pci ? find_page([&](const Source& source) { return source.identity.pci == *pci; }) : std::nullopt;
}

std::optional<WorkTarget> Workbook::find_scope(std::string_view name) const {
  for (std::size_t id = 0; id < scope_pages_.size(); ++id)
    if (scope_pages_[id].exists && scope_pages_[id].name == name)
      return WorkTarget{
          .is_scope = true, .id = static_cast<std::uint32_t>(id), .peak_rate = scope_pages_[id].peak_rate};
  return std::nullopt;
}

void Workbook::count(const WorkTarget& target, Place precision, double flop) {
  if (!target.is_scope) {
    pages_.at(target.id)->tally.count(precision, flop);
    return;
  }
  ScopePage& page = scope_pages_.at(target.id);
  page.tally.count(precision, flop);
  page.counted = true;
}

}  // namespace flopwatt::agent
