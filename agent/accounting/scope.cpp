#include "agent/accounting/scope.h"

#include <algorithm>
#include <limits>

namespace flopwatt::accounting {
namespace {

enum Column : std::size_t { power, unaccounted, energy, device_energy, work, columns };

SourcePtr scope_source(const std::string& name) {
  using Q = Quantity;
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::scope;
  source->name = name;
  for (const Quantity quantity : {Q::power, Q::unaccounted_power, Q::energy, Q::device_energy, Q::work})
    source->fields.push_back({{quantity}});
  return source;
}

// Sum of the newest power; absent where one has none or is stale, or where there is nobody.
double power_of(const std::vector<const Member*>& members, std::int64_t now_us) {
  double sum = members.empty() ? absent : 0;
  for (const Member* member : members)
    sum += member == nullptr || member->is_stale(now_us) ? absent : member->power();
  return sum;
}

}  // namespace

Scope::Scope(const ScopeConfig& config, const std::vector<Window>& windows, double lists,
             const Totals& restored)
    : name_(config.name),
      wants_work_(config.work != ScopeConfig::Work::none),
      source_(scope_source(config.name)),
      pending_(windows.size()),
      meters_(config.energy.size(), nullptr) {
  for (const Window& window : windows) {
    window_sources_.push_back(window_source(name_ + '/' + window.text, window.length));
    lengths_us_.push_back(window.length.count());
  }
  const std::string prefix = "scope/" + name_ + '/';
  const auto restored_or = [&](const std::string& key, double otherwise) {
    const auto found = restored.find(key);
    return found == restored.end() ? otherwise : found->second;
  };
  lists_total_ = {prefix + "lists", lists, absent};
  carries_on_ = restored_or(lists_total_.key, 0) == lists;
  const auto total = [&](const std::string& name) {
    const std::string key = prefix + name;
    return Total{key, carries_on_ ? std::max(0.0, restored_or(key, 0)) : 0, absent};
  };
  energy_ = total("energy_j");
  device_energy_ = total("device_energy_j");
  method_ = total("method");
  for (const Method method : {Method::counted, Method::pipe, Method::estimated})
    work_[static_cast<std::size_t>(method)] = total("work_" + std::string(name_of(method)) + "_flop");
}

void Scope::add(const Member& member, const Growth& growth) {
  // Energy that a register gained while the agent was down belongs to the lists of that time.
  const double joules = growth.energy.joules - (carries_on_ ? 0 : growth.energy.restored_joules);
  if (!member.is_accelerator()) {
    energy_.value += joules;
    return;
  }
  device_energy_.value += joules;
  if (!from_meters()) energy_.value += joules;
  work_[static_cast<std::size_t>(growth.work.method)].value += growth.work.work;
  if (growth.work.method != Method::none && static_cast<double>(growth.work.method) != method_.value)
    follow_method();
}

// The scope's method is the one that all its accelerators offer; while they differ it stays what it was.
void Scope::follow_method() {
  const Method first = accelerators_.front()->work().method();
  const bool is_common = std::ranges::all_of(
      accelerators_, [&](const Member* accelerator) { return accelerator->work().method() == first; });
  if (is_common && first != Method::none) method_.value = static_cast<double>(first);
}

std::int64_t Scope::reached_us(std::int64_t now_us) const {
  std::int64_t reached_us = std::numeric_limits<std::int64_t>::max();
  for (const auto* members : {&meters_, &accelerators_})
    for (const Member* member : *members)
      if (member != nullptr && !member->is_stale(now_us))
        reached_us = std::min(reached_us, member->reached_us());
  return reached_us;
}

WindowFigures Scope::evaluate(std::size_t window, TimeSpan span, Moment end, double min_coverage) const {
  return window_figures(window_sources_[window], span, end,
                        {energy_members(), accelerators_, from_meters(), min_coverage});
}

void Scope::close_windows(std::int64_t now_us, double min_coverage, std::vector<ReadingSet>& closed) {
  if (energy_members().empty()) {  // nothing to tell of: no device has appeared yet
    for (auto& pending : pending_) pending.clear();
    return;
  }
  const std::int64_t reached = reached_us(now_us);
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    while (!pending_[i].empty() && pending_[i].front().span.end_us <= reached) {
      const ClosedWindow& window = pending_[i].front();
      closed.push_back(evaluate(i, window.span, window.end, min_coverage).figures);
      pending_[i].pop_front();
    }
  }
}

ReadingSet Scope::running_figures(Moment now) const {
  ReadingSet set{source_, now, 0, std::vector<double>(columns, absent)};
  const double device_power = power_of(accelerators_, now.monotonic_us);
  set.values[power] = from_meters() ? power_of(meters_, now.monotonic_us) : device_power;
  if (from_meters()) set.values[unaccounted] = set.values[power] - device_power;
  set.values[energy] = energy_.value;
  if (wants_work_) set.values[device_energy] = device_energy_.value;
  const auto method = static_cast<std::size_t>(method_.value);
  if (method != 0 && method < work_.size()) set.values[work] = work_[method].value;
  return set;
}

ScopeFigures Scope::figures(Moment now, double min_coverage) const {
  ScopeFigures figures;
  figures.name = name_;
  figures.from_meters = from_meters();
  figures.method = static_cast<Method>(static_cast<int>(method_.value));
  figures.figures = running_figures(now);
  // A silent accelerator beside meters leaves the windows, with a coverage that falls.
  const bool is_stale = std::ranges::any_of(energy_members(), [&](const Member* member) {
    return member == nullptr || member->is_stale(now.monotonic_us);
  });
  if (energy_members().empty() || is_stale) return figures;
  const std::int64_t end_us = std::min(now.monotonic_us, reached_us(now.monotonic_us));
  const Moment end{now.wall_us - (now.monotonic_us - end_us), end_us};
  for (std::size_t i = 0; i < window_sources_.size(); ++i)
    figures.windows.push_back(evaluate(i, {end_us - lengths_us_[i], end_us}, end, min_coverage));
  return figures;
}

void Scope::take_changed(Totals& totals) {
  const auto take = [&](Total& total) {
    if (total.key.empty() || total.value == total.taken) return;
    totals[total.key] = total.taken = total.value;
  };
  for (Total* total : {&lists_total_, &energy_, &device_energy_, &method_}) take(*total);
  for (Total& total : work_) take(total);
}

}  // namespace flopwatt::accounting
