#include "agent/accounting/window.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "agent/accounting/contradictions.h"
#include "agent/accounting/missing_time.h"
#include "agent/accounting/uncertainty.h"

namespace flopwatt::accounting {
namespace {

using Q = Quantity;

// The values of one method. A window has them of its best method first, then those of each method.
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
  missing,
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
                                                      Q::missing};
constexpr std::size_t best_method_column = columns, interim_pue_column = columns + 1,
                      methods_column = columns + 2;
constexpr std::array<Method, method_count> blocks = {Method::counted, Method::pipe, Method::model,
                                                     Method::estimated, Method::none};
constexpr std::size_t window_columns = methods_column + blocks.size() * columns;

std::size_t block_of(Method method) {
  const auto place = static_cast<std::size_t>(std::ranges::find(blocks, method) - blocks.begin());
  return methods_column + place * columns;
}

Wire wire_of(Quantity quantity) {
  if (quantity == Q::method || quantity == Q::missing) return Wire::u8;
  return quantity == Q::uncertainty || quantity == Q::coverage ? Wire::f32 : Wire::f64;
}

struct MethodFigures {
  std::array<double, columns> values{};
  std::vector<UncertaintyTerm> terms;
  double work_coverage = 0;  // share of the window
};

// Energy of all sources over a span: which estimate is taken, and where it is not known.
struct EnergyCover {
  TimeSpan span;
  std::vector<EnergyEstimate> estimates;  // parallel to members.energy
  TimeSpans gaps;
  bool is_complete = true;  // each source has had a set
  // Of the method before: most methods cover the same time.
  TimeSpans counted_spans;
  double joules = 0;
  UncertaintyBudget budget;
  std::optional<bool> have_devices_taken_more;  // nullopt: nobody asked

  EnergyCover(TimeSpan covered, std::span<const Member* const> members) : span(covered) {
    is_complete = !members.empty();
    for (const Member* member : members) {
      if (member == nullptr) {
        is_complete = false;
        break;
      }
      estimates.push_back(member->energy().choose(span));
      member->energy().add_gaps(estimates.back(), span, gaps);
    }
    if (!is_complete) gaps = {span};
  }
};

// Energy over the whole window; absent where some of it is not known.
double energy_of_whole(TimeSpan window, std::span<const Member* const> members) {
  const std::array whole{window};
  TimeSpans gaps;
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

bool is_contradicted(const WindowMembers& members) {
  return members.is_contradicted || std::ranges::any_of(members.energy, [](const Member* member) {
           return member != nullptr && accounting::is_contradicted(*member);
         });
}

// Whether the devices behind the meters have taken more than readings of the meters' power tell: the load went
// up between two of them. Registers miss nothing. A device that is not known over the whole window is left out.
bool devices_took_more(const EnergyCover& cover, const WindowMembers& members) {
  const bool is_integrated =
      std::ranges::find(cover.estimates, EnergyEstimate::integral) != cover.estimates.end();
  if (!members.from_meters || !is_integrated) return false;
  double most = 0, least = 0, variance = 0;
  for (std::size_t i = 0; i < members.energy.size(); ++i) {
    const EnergyPart part = members.energy[i]->energy().part(cover.estimates[i], cover.counted_spans);
    const Source& meter = members.energy[i]->source();
    most += part.joules * (1 + meter.accuracy + meter.ct_accuracy) + part.disagreement;
    variance += part.variance();
  }
  for (const Member* device : members.devices) {
    if (device == nullptr) continue;
    const EnergyEstimate estimate = device->energy().choose(cover.span);
    TimeSpans gaps;
    device->energy().add_gaps(estimate, cover.span, gaps);
    if (!gaps.empty()) continue;
    const EnergyPart part = device->energy().part(estimate, cover.counted_spans);
    least += part.joules * (1 - device->source().accuracy) - part.disagreement;
    variance += part.variance();
  }
  return least > most + 2 * std::sqrt(variance);
}

double share(std::int64_t part_us, TimeSpan whole) {
  return static_cast<double>(part_us) / static_cast<double>(whole.length_us());
}

// Why less than the least coverage of the window is covered.
MissingReason why_uncovered(const MethodWork& method, const WindowMembers& members, double work_coverage,
                            double energy_coverage) {
  if (method.span.begin_us < members.began_us)
    return members.ran_before ? MissingReason::restart : MissingReason::starting;
  if (energy_coverage < members.min_coverage) {
    const bool is_in_doubt = std::ranges::any_of(members.energy, [](const Member* member) {
      return member != nullptr && member->energy().power_in_doubt();
    });
    return is_in_doubt ? MissingReason::implausible : MissingReason::coverage;
  }
  if (work_coverage >= members.min_coverage) return MissingReason::coverage;
  if (method.is_accelerator_stale) return MissingReason::accelerator_stale;
  return is_told(method.method) || method.method == Method::none ? MissingReason::method
                                                                 : MissingReason::coverage;
}

// The largest term is the reason.
MissingReason why_uncertain(std::span<const UncertaintyTerm> terms) {
  const auto largest = std::ranges::max_element(terms, {}, &UncertaintyTerm::relative);
  if (largest != terms.end() && largest->name == "register step") return MissingReason::resolution;
  return MissingReason::uncertainty;
}

class MethodWindow {
 public:
  MethodWindow(const MethodWork& method, EnergyCover& energy_cover, const WindowMembers& members)
      : method_(method), energy_cover_(energy_cover), members_(members) {}

  MethodFigures figures() {
    figures_.values.fill(absent);
    cover();
    const MissingReason reason = fill();
    figures_.values[missing] = static_cast<double>(reason);
    return std::move(figures_);
  }

 private:
  void cover() {
    TimeSpans work_gaps = method_.gaps;
    if (method_.method != Method::none && members_.unbroken_since_us > method_.span.begin_us)
      work_gaps.push_back({method_.span.begin_us, members_.unbroken_since_us});
    TimeSpans all = energy_cover_.gaps;
    all.insert(all.end(), work_gaps.begin(), work_gaps.end());
    figures_.work_coverage = share(total_us(without_gaps(method_.span, work_gaps)), method_.span);
    covered_ = without_gaps(method_.span, all);
    TimeSpans energy_gaps = energy_cover_.gaps;
    energy_spans_ = without_gaps(method_.span, energy_gaps);
    figures_.values[coverage] = share(total_us(covered_), method_.span);
  }

  MissingReason fill() {
    const bool is_without_method = method_.method == Method::none;
    fill_energy();
    if (figures_.values[coverage] > 0 && !is_without_method) fill_work();
    if (figures_.values[coverage] < members_.min_coverage || (is_without_method && members_.does_work))
      return why_uncovered(method_, members_, figures_.work_coverage,
                           share(total_us(energy_spans_), method_.span));
    if (is_contradicted(members_)) return MissingReason::contradiction;
    return is_without_method ? MissingReason::no_work : fill_per_flop();
  }

  void fill_energy() {
    const std::int64_t time_us = total_us(covered_);
    if (time_us == 0) return;
    if (energy_cover_.counted_spans != covered_) count_energy();
    budget_ = energy_cover_.budget;
    figures_.values[energy] = energy_cover_.joules;
    figures_.values[power] = energy_cover_.joules / seconds(time_us);
  }

  void count_energy() {
    energy_cover_.counted_spans = covered_;
    energy_cover_.joules = 0;
    energy_cover_.budget = {};
    energy_cover_.have_devices_taken_more.reset();
    for (std::size_t i = 0; i < members_.energy.size(); ++i) {
      const Member& member = *members_.energy[i];
      const EnergyPart part = member.energy().part(energy_cover_.estimates[i], covered_);
      energy_cover_.joules += part.joules;
      energy_cover_.budget.add_energy(part, member.source().accuracy, member.source().ct_accuracy);
    }
  }

  void fill_work() {
    for (const Member* source : method_.sources) {
      const WorkPart part = source->work_part(method_.method, covered_);
      done_.work += part.work;
      done_.low += part.low;
      done_.high += part.high;
      done_.has_few_lumps = done_.has_few_lumps || part.has_few_lumps;
      budget_.add_work(part);
    }
    figures_.values[work] = done_.work;
  }

  bool have_devices_taken_more() {
    if (!energy_cover_.have_devices_taken_more)
      energy_cover_.have_devices_taken_more = devices_took_more(energy_cover_, members_);
    return *energy_cover_.have_devices_taken_more;
  }

  // J/FLOP, its bounds and uncertainty.
  MissingReason fill_per_flop() {
    auto& values = figures_.values;
    const double joules = values[energy];
    if (!(done_.work > 0)) return MissingReason::no_work;
    if (!(joules > 0)) return MissingReason::resolution;
    if (done_.has_few_lumps) return MissingReason::lumps;
    auto terms = budget_.terms(members_.from_meters);
    if (values[coverage] < 1) {
      const MissingTime lost{method_, energy_cover_.estimates, energy_spans_, covered_};
      terms.push_back({"missing time", missing_time_term(lost, members_.energy, joules, done_.work)});
    }
    const double relative = expanded(terms);
    if (!(relative < 1)) return why_uncertain(terms);
    if (have_devices_taken_more()) return MissingReason::contradiction;
    figures_.terms = std::move(terms);
    values[uncertainty] = relative;
    values[per_flop] = joules / done_.work;
    values[per_flop_low] = joules / done_.high;
    if (done_.low > 0) values[per_flop_high] = joules / done_.low;
    values[per_watt] = done_.work / joules;
    return MissingReason::none;
  }

  const MethodWork& method_;
  EnergyCover& energy_cover_;
  const WindowMembers& members_;
  MethodFigures figures_;
  TimeSpans covered_, energy_spans_;
  UncertaintyBudget budget_;
  WorkPart done_;
};

// `results` are parallel to `methods`, which come in the order from the best on.
std::size_t best_of(std::span<const MethodWork> methods, std::span<const MethodFigures> results,
                    double min_coverage) {
  std::optional<std::size_t> most;
  for (std::size_t i = 0; i < results.size(); ++i) {
    // That its accelerators were idle does not make a method the best of which nobody told anything.
    if (is_told(methods[i].method) && methods[i].sources.empty()) continue;
    if (results[i].work_coverage >= min_coverage) return i;
    if (!most || results[i].work_coverage > results[*most].work_coverage) most = i;
  }
  return most.value_or(0);
}

void put(std::vector<double>& values, std::size_t first, const std::array<double, columns>& block) {
  std::ranges::copy(block, values.begin() + static_cast<std::ptrdiff_t>(first));
}

Moment moment_at(Moment now, std::int64_t time_us) {
  return {now.wall_us - (now.monotonic_us - time_us), time_us};
}

}  // namespace

SourcePtr window_source(const std::string& name, std::chrono::microseconds length) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::window;
  source->name = name;
  source->interval = source->effective_period = length;
  const auto add_block = [&](Place place) {
    for (const Quantity quantity : quantities)
      source->fields.push_back({{quantity, place}, wire_of(quantity)});
  };
  add_block(Place::whole);
  source->fields.push_back({{Q::method}, wire_of(Q::method)});
  source->fields.push_back({{Q::interim_pue}, wire_of(Q::interim_pue)});
  for (const Method method : blocks) add_block(place_of(method));
  return source;
}

WindowFigures window_figures(const SourcePtr& source, Moment now, const WindowMembers& members,
                             std::span<const MethodWork> methods) {
  WindowFigures figures;
  figures.figures = {source, now, 0, std::vector<double>(window_columns, absent)};
  std::vector<double>& values = figures.figures.values;
  std::optional<EnergyCover> cover;
  std::vector<MethodFigures> results;
  results.reserve(methods.size());
  for (const MethodWork& method : methods) {
    if (!cover || cover->span != method.span) cover.emplace(method.span, members.energy);
    results.push_back(MethodWindow(method, *cover, members).figures());
    put(values, block_of(method.method), results.back().values);
  }
  const std::size_t best = best_of(methods, results, members.min_coverage);
  put(values, 0, results[best].values);
  figures.terms = std::move(results[best].terms);
  figures.method = results[best].work_coverage > 0 ? methods[best].method : Method::none;
  figures.figures.time = moment_at(now, methods[best].span.end_us);
  if (figures.method != Method::none) values[best_method_column] = static_cast<double>(figures.method);
  if (values[coverage] == 1) values[interim_pue_column] = pue_of(methods[best].span, members);
  return figures;
}

WindowFigures missing_window(const SourcePtr& source, Moment now, std::span<const MethodWork> methods,
                             MissingReason reason) {
  WindowFigures figures;
  figures.figures = {source, now, 0, std::vector<double>(window_columns, absent)};
  for (const MethodWork& method : methods)
    figures.figures.values[block_of(method.method) + missing] = static_cast<double>(reason);
  figures.figures.values[missing] = static_cast<double>(reason);
  return figures;
}

void leave_out_single_method(ReadingSet& window) {
  std::size_t knowing = 0;
  for (const Method method : blocks)
    if (is_known(window.values[block_of(method) + missing])) ++knowing;
  if (knowing < 2)
    std::fill(window.values.begin() + static_cast<std::ptrdiff_t>(methods_column), window.values.end(),
              absent);
}

}  // namespace flopwatt::accounting
