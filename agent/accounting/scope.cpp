#include "agent/accounting/scope.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "agent/accounting/contradictions.h"

namespace flopwatt::accounting {
namespace {

struct FigureColumn {
  enum : std::size_t { power, unaccounted, energy, device_energy, work, count };
};

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

bool is_fresh(const Member* member, std::int64_t now_us) {
  return member != nullptr && !member->is_stale(now_us);
}

bool put(const std::vector<EnergyEntry>& entries, const EnergyEntry& entry,
         std::vector<const Member*>& members, const Member* member) {
  const auto found = std::ranges::find(entries, entry);
  if (found == entries.end()) return false;
  members[static_cast<std::size_t>(found - entries.begin())] = member;
  return true;
}

}  // namespace

Scope::Scope(ScopePlan plan, const std::vector<Window>& windows, const Totals& restored,
             std::int64_t began_us)
    : plan_(std::move(plan)),
      source_(scope_source(plan_.name)),
      pending_(windows.size()),
      meters_(plan_.energy.size(), nullptr),
      inner_meters_(plan_.inner_energy.size(), nullptr),
      lines_(plan_.inside.size(), nullptr),
      totals_(plan_, restored),
      unbroken_since_us_(began_us),
      method_(totals_.method()) {
  for (const Window& window : windows) {
    window_sources_.push_back(window_source(plan_.name + '/' + window.text, window.length));
    lengths_us_.push_back(window.length.count());
  }
}

void Scope::carry_on(Scope& before, bool windows_stay) {
  unbroken_since_us_ = before.unbroken_since_us_;
  method_ = std::move(before.method_);
  if (windows_stay) pending_ = std::move(before.pending_);
}

bool Scope::join_meter(const EnergyEntry& entry, const Member* meter) {
  put(plan_.inner_energy, entry, inner_meters_, meter);
  return put(plan_.energy, entry, meters_, meter);
}

void Scope::join_accelerator(const Member* accelerator, std::span<const std::size_t> around) {
  Accelerator joined{accelerator, {}};
  for (std::size_t i = 0; i < plan_.inside.size(); ++i)
    if (std::ranges::find(around, plan_.inside[i]) != around.end()) joined.covering.push_back(i);
  accelerators_.push_back(std::move(joined));
  devices_.push_back(accelerator);
}

bool Scope::join_lines(std::size_t scope, const Member* lines) {
  const auto found = std::ranges::find(plan_.inside, scope);
  if (found == plan_.inside.end()) return false;
  lines_[static_cast<std::size_t>(found - plan_.inside.begin())] = lines;
  has_lines_ = true;
  return true;
}

void Scope::leave(const Member* member, std::int64_t now_us) {
  const Member* const nobody = nullptr;
  for (auto* members : {&meters_, &inner_meters_, &lines_}) std::ranges::replace(*members, member, nobody);
  std::erase_if(accelerators_, [&](const Accelerator& one) { return one.member == member; });
  // The meters include the energy of its work, which is not known any more.
  if (std::erase(devices_, member) != 0) unbroken_since_us_ = now_us;
}

void Scope::add(const Member& member, const Growth& growth) {
  if (member.is_accelerator()) {
    totals_.add_device_energy(growth.energy);
    if (!from_meters()) totals_.add_energy(growth.energy);
  } else {
    totals_.add_energy(growth.energy);
  }
  for (std::size_t method = 0; method < method_count; ++method) grown_[method] += growth.work[method];
}

Method Scope::best_offered(std::int64_t now_us) const {
  const auto offers_lines = [&](const Member* lines) {
    return is_fresh(lines, now_us) && lines->offers(Method::counted);
  };
  const auto is_counted = [&](const Accelerator& one) {
    return one.member->offers(Method::counted) ||
           std::ranges::any_of(one.covering, [&](std::size_t i) { return offers_lines(lines_[i]); });
  };
  if (std::ranges::all_of(accelerators_, is_counted) &&
      (!accelerators_.empty() || std::ranges::any_of(lines_, offers_lines)))
    return Method::counted;
  if (accelerators_.empty()) return Method::none;
  for (const Method method : {Method::pipe, Method::estimated})
    if (std::ranges::all_of(devices_, [&](const Member* one) { return one->offers(method); })) return method;
  return Method::none;
}

void Scope::choose_method(std::int64_t now_us, std::int64_t longest_us) {
  balance_.follow(meters_, devices_, now_us, longest_us);
  if (!does_work()) return;  // after a restart: no set yet
  std::chrono::microseconds patience{0};
  for (const Member* device : devices_) patience = std::max(patience, device->source().stale_after());
  const Method method = method_.follow(best_offered(now_us), now_us, patience.count());
  method_.forget_before(now_us - longest_us);
  totals_.set_method(method);
  if (method != Method::none) totals_.add_work(method, grown_[static_cast<std::size_t>(method)]);
  grown_ = {};
}

std::vector<WorkSource> Scope::work_sources(Method method, TimeSpan window) const {
  if (method == Method::counted) return counted_sources(window);
  std::vector<WorkSource> sources;
  if (method == Method::none) return sources;
  sources.reserve(devices_.size());
  for (const Member* device : devices_) sources.push_back({device, true});
  return sources;
}

// What was counted for scopes as a whole in the window is needed; it covers their accelerators, whose own
// lines come on top where there are any.
std::vector<WorkSource> Scope::counted_sources(TimeSpan window) const {
  std::vector<WorkSource> sources;
  std::vector<TimeSpan> unused;
  std::vector<bool> covers(lines_.size(), false);
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    covers[i] = lines_[i] != nullptr && lines_[i]->add_work_gaps(Method::counted, window, unused);
    if (covers[i]) sources.push_back({lines_[i], true});
  }
  for (const Accelerator& one : accelerators_) {
    const bool is_covered = std::ranges::any_of(one.covering, [&](std::size_t i) { return covers[i]; });
    if (!is_covered || one.member->add_work_gaps(Method::counted, window, unused))
      sources.push_back({one.member, !is_covered});
  }
  return sources;
}

std::int64_t Scope::reached_us(std::int64_t now_us) const {
  std::int64_t reached_us = std::numeric_limits<std::int64_t>::max();
  for (const auto* members : {&meters_, &inner_meters_, &devices_})
    for (const Member* member : *members)
      if (is_fresh(member, now_us)) reached_us = std::min(reached_us, member->energy().reached_us());
  for (const auto* members : {&devices_, &lines_})
    for (const Member* member : *members)
      if (is_fresh(member, now_us)) reached_us = std::min(reached_us, member->work_reached_us(method_.now()));
  return reached_us;
}

WindowFigures Scope::evaluate(std::size_t window, TimeSpan span, Moment end, double min_coverage) const {
  std::vector<MethodStretch> methods;
  if (does_work()) methods = method_.stretches(span);
  WindowMembers members{
      energy_members(),           inner_meters_, methods, {}, from_meters(), min_coverage, unbroken_since_us_,
      balance_.told().has_value()};
  for (const MethodStretch& stretch : methods) {
    auto& sources = members.work[static_cast<std::size_t>(stretch.method)];
    if (sources.empty()) sources = work_sources(stretch.method, span);
  }
  return window_figures(window_sources_[window], span, end, members);
}

void Scope::close_windows(std::int64_t now_us, double min_coverage, std::vector<ReadingSet>& closed) {
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
  ReadingSet set{source_, now, 0, std::vector<double>(FigureColumn::count, absent)};
  const double device_power = power_of(devices_, now.monotonic_us);
  set.values[FigureColumn::power] = from_meters() ? power_of(meters_, now.monotonic_us) : device_power;
  if (from_meters()) set.values[FigureColumn::unaccounted] = set.values[FigureColumn::power] - device_power;
  set.values[FigureColumn::energy] = totals_.energy();
  set.values[FigureColumn::device_energy] = totals_.device_energy();
  set.values[FigureColumn::work] = totals_.work();
  return set;
}

ScopeFigures Scope::figures(Moment now, double min_coverage) const {
  ScopeFigures figures;
  figures.name = plan_.name;
  figures.parent = plan_.parent;
  figures.from_meters = from_meters();
  figures.method = totals_.method();
  figures.figures = running_figures(now);
  tell_contradictions(meters_, figures);
  tell_contradictions(devices_, figures);
  figures.balance = balance_.told();
  // A silent accelerator beside meters leaves the windows, with a coverage that falls.
  const bool is_stale = std::ranges::any_of(
      energy_members(), [&](const Member* member) { return !is_fresh(member, now.monotonic_us); });
  if (energy_members().empty() || is_stale) return figures;
  const std::int64_t end_us = std::min(now.monotonic_us, reached_us(now.monotonic_us));
  const Moment end{now.wall_us - (now.monotonic_us - end_us), end_us};
  for (std::size_t i = 0; i < window_sources_.size(); ++i)
    figures.windows.push_back(evaluate(i, {end_us - lengths_us_[i], end_us}, end, min_coverage));
  return figures;
}

}  // namespace flopwatt::accounting
