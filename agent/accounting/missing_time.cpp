#include "agent/accounting/missing_time.h"

#include <algorithm>
#include <array>
#include <numbers>

namespace flopwatt::accounting {
namespace {

struct Bounds {
  double low = 0, high = 0;
};

// Energy of the missing time, J.
Bounds missing_energy(const MissingTime& lost, std::span<const Member* const> energy, double joules) {
  const std::array whole{lost.method.span};
  const bool is_known = total_us(lost.energy_known) == lost.method.span.length_us();
  const double missing_s = seconds(lost.method.span.length_us() - total_us(lost.covered));
  double known = -joules;
  Bounds unknown;
  for (std::size_t i = 0; i < energy.size(); ++i) {
    const EnergySeries& series = energy[i]->energy();
    if (is_known) known += series.part(lost.estimates[i], whole).joules;
    const RateRange range = series.power_range(lost.estimates[i], lost.covered);
    unknown.low += missing_s * range.lowest;
    unknown.high += missing_s * range.highest;
  }
  return is_known ? Bounds{std::max(0.0, known), std::max(0.0, known)} : unknown;
}

// Work of the missing time, FLOP.
Bounds missing_work(const MissingTime& lost, double flop) {
  const std::array whole{lost.method.span};
  const double missing_s = seconds(lost.method.span.length_us() - total_us(lost.covered));
  Bounds bounds;
  if (lost.method.gaps.empty()) {
    double known = -flop;
    for (const Member* source : lost.method.sources)
      known += source->work_part(lost.method.method, whole).work;
    return {std::max(0.0, known), std::max(0.0, known)};
  }
  for (const Member* source : lost.method.sources)
    bounds.high += missing_s * source->highest_rate(lost.method.method);
  return bounds;
}

}  // namespace

double missing_time_term(const MissingTime& lost, std::span<const Member* const> energy, double joules,
                         double flop) {
  const Bounds more_energy = missing_energy(lost, energy, joules);
  const Bounds more_work = missing_work(lost, flop);
  const double published = joules / flop;
  const double high = (joules + more_energy.high) / (flop + more_work.low);
  const double low = (joules + more_energy.low) / (flop + more_work.high);
  return std::max(high / published - 1, 1 - low / published) * std::numbers::inv_sqrt3;
}

}  // namespace flopwatt::accounting
