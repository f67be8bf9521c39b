#include "agent/accounting/window.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "agent/accounting/contradictions.h"
#include "agent/accounting/uncertainty.h"

namespace flopwatt::accounting {
namespace {

using Q = Quantity;

// The order of a window's values.
enum Column : std::size_t {
  power,
  energy,
  work,
  per_flop,
  per_flop_low,
  per_flop_high,
  per_watt,
  uncertainty,
  coverage,
  method,
  interim_pue,
  columns
};
constexpr std::array<Quantity, columns> quantities = {Q::power,
                                                      Q::energy,
                                                      Q::work,
                                                      Q::joules_per_flop,
                                                      Q::joules_per_flop_low,
                                                      Q::joules_per_flop_high,
                                                      Q::flop_per_second_per_watt,
                                                      Q::uncertainty,
                                                      Q::coverage,
                                                      Q::method,
                                                      Q::interim_pue};

Wire wire_of(Quantity quantity) {
  if (quantity == Q::method) return Wire::u8;
  return quantity == Q::uncertainty || quantity == Q::coverage ? Wire::f32 : Wire::f64;
}

struct Covered {
  std::vector<TimeSpan> spans;
  std::vector<EnergyEstimate> estimates;  // parallel to members.energy
};

// Gaps in the work of that stretch. Tracks report whole gaps; the parts outside the stretch
// are of other methods.
void add_work_gaps(const MethodStretch& stretch, const WindowMembers& members, std::vector<TimeSpan>& gaps) {
  const auto& sources = members.work[static_cast<std::size_t>(stretch.method)];
  if (sources.empty()) gaps.push_back(stretch.span);
  const std::size_t before = gaps.size();
  for (const WorkSource& source : sources)
    if (source.is_needed) source.member->add_work_gaps(stretch.method, stretch.span, gaps);
  for (std::size_t i = before; i < gaps.size(); ++i)
    gaps[i] = {std::max(gaps[i].begin_us, stretch.span.begin_us),
               std::min(gaps[i].end_us, stretch.span.end_us)};
}

// The one method of the window; none where there are several, or none.
Method common_method(std::span<const MethodStretch> stretches) {
  Method common = Method::none;
  for (const MethodStretch& stretch : stretches) {
    if (stretch.method == Method::none || stretch.method == common) continue;
    if (common != Method::none) return Method::none;
    common = stretch.method;
  }
  return common;
}

Covered cover(TimeSpan window, const WindowMembers& members) {
  Covered covered;
  std::vector<TimeSpan> gaps;
  for (const Member* member : members.energy) {
    if (member == nullptr) return {};
    covered.estimates.push_back(member->energy().choose(window));
    member->energy().add_gaps(covered.estimates.back(), window, gaps);
  }
  for (const MethodStretch& stretch : members.methods) add_work_gaps(stretch, members, gaps);
  covered.spans = without_gaps(window, gaps);
  return covered;
}

// Energy over the whole window; absent where some of it is not known.
double energy_of_whole(TimeSpan window, std::span<const Member* const> members) {
  const std::array whole{window};
  std::vector<TimeSpan> gaps;
  double joules = 0;
  for (const Member* member : members) {
    if (member == nullptr) return absent;
    const EnergyEstimate estimate = member->energy().choose(window);
    member->energy().add_gaps(estimate, window, gaps);
    if (total_us(without_gaps(window, gaps)) != window.length_us()) return absent;
    joules += member->energy().part(estimate, whole).joules;
  }
  return joules;
}

double pue_of(TimeSpan window, const WindowMembers& members) {
  if (members.inner_energy.empty()) return absent;
  const double ratio =
      energy_of_whole(window, members.energy) / energy_of_whole(window, members.inner_energy);
  return ratio >= 1 && std::isfinite(ratio) ? ratio : absent;
}

// Fills what needs work: J/FLOP, its bounds and uncertainty.
void fill_per_flop(std::vector<double>& values, const WorkPart& done, const UncertaintyBudget& budget,
                   WindowFigures& figures, bool from_meters) {
  const double joules = values[energy];
  if (!(joules > 0) || !(done.work > 0)) return;
  auto terms = budget.terms(from_meters);
  const double relative = expanded(terms);
  if (!(relative < 1)) return;
  figures.terms = std::move(terms);
  values[uncertainty] = relative;
  values[per_flop] = joules / done.work;
  values[per_flop_low] = joules / done.high;
  if (done.low > 0) values[per_flop_high] = joules / done.low;
  values[per_watt] = done.work / joules;
}

}  // namespace

SourcePtr window_source(const std::string& name, std::chrono::microseconds length) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::window;
  source->name = name;
  source->interval = source->effective_period = length;
  for (const Quantity quantity : quantities) source->fields.push_back({{quantity}, wire_of(quantity)});
  return source;
}

WindowFigures window_figures(const SourcePtr& source, TimeSpan span, Moment end,
                             const WindowMembers& members) {
  WindowFigures figures;
  figures.figures = {source, end, 0, std::vector<double>(columns, absent)};
  std::vector<double>& values = figures.figures.values;
  const Covered covered = members.energy.empty() ? Covered{} : cover(span, members);
  const std::int64_t covered_us = total_us(covered.spans);
  values[coverage] = static_cast<double>(covered_us) / static_cast<double>(span.length_us());
  if (covered_us == span.length_us()) values[interim_pue] = pue_of(span, members);
  if (covered_us == 0) return figures;

  UncertaintyBudget budget;
  values[energy] = 0;
  for (std::size_t i = 0; i < members.energy.size(); ++i) {
    const Member& member = *members.energy[i];
    const EnergyPart part = member.energy().part(covered.estimates[i], covered.spans);
    values[energy] += part.joules;
    budget.add_energy(part, member.source().accuracy, member.source().ct_accuracy);
  }
  values[power] = values[energy] / seconds(covered_us);
  const bool is_contradicted =
      members.is_contradicted || std::ranges::any_of(members.energy, [](const Member* member) {
        return accounting::is_contradicted(*member);
      });

  figures.method = common_method(members.methods);
  if (figures.method == Method::none) return figures;
  values[method] = static_cast<double>(figures.method);
  WorkPart done;
  for (const WorkSource& one : members.work[static_cast<std::size_t>(figures.method)]) {
    const WorkPart part = one.member->work_part(figures.method, covered.spans);
    done.work += part.work;
    done.low += part.low;
    done.high += part.high;
    budget.add_work(part);
  }
  values[work] = done.work;
  if (!is_contradicted && values[coverage] >= members.min_coverage &&
      span.begin_us >= members.unbroken_since_us)
    fill_per_flop(values, done, budget, figures, members.from_meters);
  return figures;
}

}  // namespace flopwatt::accounting
