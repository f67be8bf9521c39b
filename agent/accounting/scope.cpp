#include "agent/accounting/scope.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/accounting/contradictions.h"

namespace flopwatt::accounting {
namespace {

struct FigureColumn {
  enum : std::size_t { power, unaccounted, energy, device_energy, methods };
};
constexpr std::size_t columns_of_method = 3;  // work, covered energy, covered work
constexpr std::size_t scope_columns = FigureColumn::methods + columns_of_method * methods_best_first.size();

/// A method counts as offered for so long after it was.
constexpr std::int64_t offered_for_us = 3'600'000'000;
/// A source that has given no reading in this time from the start on is stale.
constexpr std::int64_t first_readings_us = 10'000'000;

SourcePtr scope_source(const std::string& name) {
  using Q = Quantity;
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::scope;
  source->name = name;
  for (const Quantity quantity : {Q::power, Q::unaccounted_power, Q::energy, Q::device_energy})
    source->fields.push_back({{quantity}});
  for (const Method method : methods_best_first)
    for (const Quantity quantity : {Q::work, Q::covered_energy, Q::covered_work})
      source->fields.push_back({{quantity, place_of(method)}});
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
             std::int64_t began_us, std::int64_t now_us)
    : plan_(std::move(plan)),
      source_(scope_source(plan_.name)),
      pending_(windows.size()),
      meters_(plan_.energy.size(), nullptr),
      inner_meters_(plan_.inner_energy.size(), nullptr),
      lines_(plan_.inside.size(), nullptr),
      totals_(plan_, restored),
      began_us_(began_us),
      since_us_(now_us) {
  for (const Window& window : windows) {
    window_sources_.push_back(window_source(plan_.name + '/' + window.text, window.length));
    lengths_us_.push_back(window.length.count());
    LastClosed last{"scope/" + plan_.name + "/closed_" + window.text + "_us", 0, 0};
    const auto found = restored.find(last.key);
    if (found != restored.end() && totals_.go_on()) last.end_us = last.taken_us = found->second;
    last_closed_.push_back(std::move(last));
  }
}

void Scope::carry_on(Scope& before, bool windows_stay) {
  unbroken_since_us_ = before.unbroken_since_us_;
  offered_us_ = before.offered_us_;
  covered_ = std::move(before.covered_);
  replayed_us_ = before.replayed_us_;
  since_us_ = before.since_us_;
  if (!windows_stay) return;
  pending_ = std::move(before.pending_);
  last_closed_ = std::move(before.last_closed_);
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
  for (const Method method : methods_best_first)
    totals_.add_work(method, growth.work[static_cast<std::size_t>(method)]);
}

bool Scope::is_offered(Method method, std::int64_t now_us) const {
  const auto offers = [&](const Member* member) {
    return is_fresh(member, now_us) && member->offers(method);
  };
  if (is_told(method)) return std::ranges::any_of(devices_, offers) || std::ranges::any_of(lines_, offers);
  return !devices_.empty() &&
         std::ranges::all_of(devices_, [&](const Member* one) { return one->offers(method); });
}

std::vector<Method> Scope::methods_at(std::int64_t now_us) const {
  std::vector<Method> methods;
  for (const Method method : methods_best_first) {
    const std::int64_t offered_us = offered_us_[static_cast<std::size_t>(method)];
    if (offered_us != 0 && now_us - offered_us <= offered_for_us) methods.push_back(method);
  }
  if (methods.empty()) methods.push_back(Method::none);
  return methods;
}

void Scope::add_covered(std::int64_t now_us, std::int64_t longest_us) {
  balance_.follow(meters_, devices_, now_us, longest_us);
  const auto& energy = energy_members();
  const bool is_complete =
      !energy.empty() && std::ranges::none_of(energy, [](const Member* one) { return one == nullptr; });
  const bool is_doubtful =
      balance_.told() ||
      (is_complete && std::ranges::any_of(energy, [](const Member* one) { return is_contradicted(*one); }));
  const bool is_stale =
      from_meters() && std::ranges::any_of(energy, [&](const Member* one) { return !is_fresh(one, now_us); });
  note_offered(now_us);
  for (const Method method : methods_best_first) {
    const auto index = static_cast<std::size_t>(method);
    if (offered_us_[index] == 0) continue;
    CoveredTime& covered = covered_[index];
    std::int64_t reached = reached_us(method, now_us);
    if (is_complete)
      for (const Member* member : energy)
        reached = std::min(reached, member->energy().before_bridge(reached));
    if (!is_complete || is_doubtful) {
      covered.leave_out_until(reached);
      continue;
    }
    const auto stretch = covered.next(reached);
    if (!stretch || (is_stale && stretch->length_us() < longest_us)) continue;
    const auto sums = covered.add(work_by(method, *stretch, now_us), energy);
    totals_.add_covered(method, sums.joules, sums.flop);
  }
}

void Scope::add_exact(std::vector<std::int64_t>& exact_us) const {
  for (const CoveredTime& covered : covered_)
    if (covered.until_us() != 0) exact_us.push_back(covered.until_us());
}

void Scope::note_offered(std::int64_t now_us) {
  for (const Method method : methods_best_first) {
    std::int64_t& offered_us = offered_us_[static_cast<std::size_t>(method)];
    if (is_offered(method, now_us)) offered_us = now_us;
    if (!is_told(method)) continue;
    for (const auto* members : {&devices_, &lines_})
      for (const Member* member : *members)
        if (member != nullptr) offered_us = std::max(offered_us, member->heard_us(method));
  }
}

void Scope::go_on_from(std::int64_t replayed_us) {
  replayed_us_ = replayed_us;
  note_offered(replayed_us);
}

void Scope::await(const ClosedWindow& window) {
  const bool is_of_earlier_run = window.span.end_us <= began_us_;
  const double last_us = last_closed_[window.window].end_us;
  const bool was_awaited = last_us > 0 && static_cast<double>(window.end.wall_us) > last_us;
  if (!is_of_earlier_run || (was_awaited && window.span.begin_us < replayed_us_))
    pending_[window.window].push_back(window);
}

void Scope::take_changed(Totals& totals) {
  totals_.take_changed(totals);
  for (LastClosed& last : last_closed_)
    if (last.end_us != last.taken_us) totals[last.key] = last.taken_us = last.end_us;
}

MethodWork Scope::work_by(Method method, TimeSpan span, std::int64_t now_us) const {
  MethodWork work{method, span, {}, {}, false};
  if (method == Method::none) {
    if (does_work()) work.gaps.push_back(span);
    return work;
  }
  if (is_told(method))
    add_told(work);
  else
    add_measured(work);
  if (unbroken_since_us_ > span.begin_us) work.gaps.push_back({span.begin_us, unbroken_since_us_});
  work.is_accelerator_stale =
      std::ranges::any_of(devices_, [&](const Member* one) { return !is_fresh(one, now_us); });
  return work;
}

void Scope::add_measured(MethodWork& work) const {
  if (devices_.empty()) work.gaps.push_back(work.span);
  work.sources.reserve(devices_.size());
  for (const Member* device : devices_)
    if (device->add_work_gaps(work.method, work.span, work.gaps)) work.sources.push_back(device);
}

// What was told for scopes as a whole in the window is needed; it covers their accelerators, whose own lines
// come on top where there are any. While its accelerators do nothing, nothing need be told.
void Scope::add_told(MethodWork& work) const {
  const auto add_unless_idle = [&](TimeSpans& unknown, TimeSpans& busy) {
    const auto gaps = common_time(unknown, busy);
    work.gaps.insert(work.gaps.end(), gaps.begin(), gaps.end());
  };
  std::vector<bool> covers(lines_.size(), false);
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    TimeSpans unknown;
    covers[i] = lines_[i] != nullptr && lines_[i]->add_work_gaps(work.method, work.span, unknown);
    if (!covers[i]) continue;
    work.sources.push_back(lines_[i]);
    TimeSpans busy;
    bool covers_some = false;
    for (const Accelerator& one : accelerators_) {
      if (std::ranges::find(one.covering, i) == one.covering.end()) continue;
      covers_some = true;
      one.member->add_busy(work.span, busy);
    }
    if (!covers_some) busy.push_back(work.span);
    add_unless_idle(unknown, busy);
  }
  for (const Accelerator& one : accelerators_) {
    TimeSpans unknown, busy;
    if (one.member->add_work_gaps(work.method, work.span, unknown)) work.sources.push_back(one.member);
    if (std::ranges::any_of(one.covering, [&](std::size_t i) { return covers[i]; })) continue;
    one.member->add_busy(work.span, busy);
    add_unless_idle(unknown, busy);
  }
  if (accelerators_.empty() && work.sources.empty()) work.gaps = {work.span};
}

std::int64_t Scope::energy_reached_us(std::int64_t now_us) const {
  std::int64_t reached_us = now_us;
  for (const auto* members : {&meters_, &inner_meters_, &devices_})
    for (const Member* member : *members)
      if (is_fresh(member, now_us)) reached_us = std::min(reached_us, member->energy().reached_us());
  return reached_us;
}

std::int64_t Scope::reached_us(Method method, std::int64_t now_us) const {
  std::int64_t reached_us = energy_reached_us(now_us);
  for (const auto* members : {&devices_, &lines_})
    for (const Member* member : *members)
      if (is_fresh(member, now_us)) reached_us = std::min(reached_us, member->work_reached_us(method));
  return reached_us;
}

WindowMembers Scope::window_members(double min_coverage) const {
  return {energy_members(), inner_meters_,      devices_,  from_meters(),   does_work(),
          min_coverage,     unbroken_since_us_, began_us_, totals_.go_on(), balance_.told().has_value()};
}

void Scope::close_windows(Moment now, double min_coverage, std::vector<ReadingSet>& closed) {
  const std::int64_t now_us = now.monotonic_us;
  const auto methods = methods_at(now_us);
  std::int64_t reached = now_us;
  for (const Method method : methods) reached = std::min(reached, reached_us(method, now_us));
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    while (!pending_[i].empty() && pending_[i].front().span.end_us <= reached) {
      const ClosedWindow& window = pending_[i].front();
      std::vector<MethodWork> works;
      works.reserve(methods.size());
      for (const Method method : methods) works.push_back(work_by(method, window.span, now_us));
      WindowFigures figures = window_figures(window_sources_[i], now, window_members(min_coverage), works);
      figures.figures.time = window.end;
      leave_out_single_method(figures.figures);
      closed.push_back(std::move(figures.figures));
      last_closed_[i].end_us = static_cast<double>(window.end.wall_us);
      pending_[i].pop_front();
    }
  }
}

ReadingSet Scope::running_figures(Moment now) const {
  ReadingSet set{source_, now, 0, std::vector<double>(scope_columns, absent)};
  const double device_power = power_of(devices_, now.monotonic_us);
  set.values[FigureColumn::power] = from_meters() ? power_of(meters_, now.monotonic_us) : device_power;
  if (from_meters()) set.values[FigureColumn::unaccounted] = set.values[FigureColumn::power] - device_power;
  set.values[FigureColumn::energy] = totals_.energy();
  set.values[FigureColumn::device_energy] = totals_.device_energy();
  std::size_t column = FigureColumn::methods;
  for (const Method method : methods_best_first) {
    const auto was_told = [&](const Member* one) { return one != nullptr && one->was_told(method); };
    const bool is_shown = offered_us_[static_cast<std::size_t>(method)] != 0 || totals_.work(method) > 0 ||
                          std::ranges::any_of(devices_, was_told) || std::ranges::any_of(lines_, was_told);
    const std::array totals{totals_.work(method), totals_.covered_energy(method),
                            totals_.covered_work(method)};
    for (const double total : totals) set.values[column++] = is_shown ? total : absent;
  }
  return set;
}

void Scope::tell_windows(ScopeFigures& figures, Moment now, double min_coverage) const {
  const std::int64_t now_us = now.monotonic_us;
  const auto methods = methods_at(now_us);
  // A silent accelerator beside meters leaves the windows, with a coverage that falls.
  const bool is_stale =
      std::ranges::any_of(energy_members(), [&](const Member* member) { return !is_fresh(member, now_us); });
  const bool is_new = now_us - since_us_ < first_readings_us;
  for (std::size_t i = 0; i < window_sources_.size(); ++i) {
    std::vector<MethodWork> works;
    works.reserve(methods.size());
    for (const Method method : methods) {
      const std::int64_t end_us = reached_us(method, now_us);
      works.push_back(work_by(method, {end_us - lengths_us_[i], end_us}, now_us));
    }
    if (energy_members().empty() || is_stale) {
      const MissingReason reason = is_new && totals_.go_on() ? MissingReason::restart
                                   : is_new                  ? MissingReason::starting
                                   : from_meters()           ? MissingReason::meter_stale
                                                             : MissingReason::accelerator_stale;
      figures.windows.push_back(missing_window(window_sources_[i], now, works, reason));
    } else {
      figures.windows.push_back(window_figures(window_sources_[i], now, window_members(min_coverage), works));
    }
  }
}

ScopeFigures Scope::figures(Moment now, double min_coverage) const {
  ScopeFigures figures;
  figures.name = plan_.name;
  figures.parent = plan_.parent;
  figures.from_meters = from_meters();
  figures.figures = running_figures(now);
  tell_contradictions(meters_, figures);
  tell_contradictions(devices_, figures);
  figures.balance = balance_.told();
  tell_windows(figures, now, min_coverage);
  return figures;
}

}  // namespace flopwatt::accounting
