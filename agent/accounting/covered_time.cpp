#include "agent/accounting/covered_time.h"

#include <algorithm>

namespace flopwatt::accounting {
namespace {

EnergyEstimate estimate_of(const Member& member) {
  return member.energy().has_counter() ? EnergyEstimate::counter : EnergyEstimate::integral;
}

}  // namespace

std::optional<TimeSpan> CoveredTime::next(std::int64_t reached_us) {
  if (until_us_ == 0) until_us_ = reached_us;
  if (reached_us <= until_us_) return std::nullopt;
  return TimeSpan{until_us_, reached_us};
}

void CoveredTime::leave_out_until(std::int64_t time_us) {
  until_us_ = time_us;
  added_.clear();
}

CoveredTime::Sums CoveredTime::add(const MethodWork& work, std::span<const Member* const> energy) {
  until_us_ = work.span.end_us;
  std::vector<TimeSpan> gaps = work.gaps;
  for (const Member* member : energy) member->energy().add_gaps(estimate_of(*member), work.span, gaps);
  const auto covered = without_gaps(work.span, gaps);
  Sums sums;
  for (const Member* member : energy) sums.joules += energy_of(*member, work.span, covered);
  if (covered.empty()) return sums;
  for (const Member* source : work.sources) sums.flop += source->work_part(work.method, covered).work;
  return sums;
}

// What power tells since the register's last move, before the first stretch, is told by the register inside it.
CoveredTime::Added& CoveredTime::added_of(const Member& member, TimeSpan stretch) {
  const auto [place, is_new] = added_.try_emplace(&member);
  if (is_new) {
    place->second.counted_j = member.energy().counted_until(stretch.begin_us);
    place->second.ahead.lend(member.energy().agreement().while_still());
  }
  return place->second;
}

double CoveredTime::energy_of(const Member& member, TimeSpan stretch, std::span<const TimeSpan> covered) {
  const EnergySeries& energy = member.energy();
  if (!energy.has_counter() || !energy.has_power()) return energy.part(estimate_of(member), covered).joules;
  std::vector<TimeSpan> gaps;
  energy.add_gaps(EnergyEstimate::counter, stretch, gaps);
  const auto known = without_gaps(stretch, gaps);
  const auto told_by_power = [&](std::span<const TimeSpan> spans) {
    return energy.part(EnergyEstimate::integral, spans).joules;
  };
  Added& added = added_of(member, stretch);
  const double growth = energy.counted_until(stretch.end_us) - added.counted_j;
  added.counted_j += growth;
  if (growth <= 0) {
    added.ahead.lend(told_by_power(known));
    return told_by_power(covered);
  }
  const double joules = added.ahead.settle(growth);
  if (std::ranges::equal(covered, known)) return joules;
  const double whole = told_by_power(known);
  return whole > 0 ? joules * told_by_power(covered) / whole : 0;
}

}  // namespace flopwatt::accounting
