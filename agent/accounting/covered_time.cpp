#include "agent/accounting/covered_time.h"

#include <algorithm>

namespace flopwatt::accounting {

std::optional<TimeSpan> CoveredTime::next(std::int64_t reached_us) {
  if (until_us_ == 0) until_us_ = reached_us;
  if (reached_us <= until_us_) return std::nullopt;
  return TimeSpan{until_us_, reached_us};
}

CoveredTime::Sums CoveredTime::add(const MethodWork& work, std::span<const Member* const> energy) {
  until_us_ = work.span.end_us;
  std::vector<TimeSpan> gaps = work.gaps;
  std::vector<EnergyEstimate> estimates;
  estimates.reserve(energy.size());
  for (const Member* member : energy) {
    estimates.push_back(member->energy().lasting());
    member->energy().add_gaps(estimates.back(), work.span, gaps);
  }
  const auto covered = without_gaps(work.span, gaps);
  Sums sums;
  if (covered.empty()) return sums;
  for (std::size_t i = 0; i < energy.size(); ++i) sums.joules += energy_of(*energy[i], estimates[i], covered);
  for (const Member* source : work.sources) sums.flop += source->work_part(work.method, covered).work;
  return sums;
}

// What power told while the register stood still is not told once more by its jump.
double CoveredTime::energy_of(const Member& member, EnergyEstimate estimate,
                              std::span<const TimeSpan> covered) {
  const double joules = member.energy().part(estimate, covered).joules;
  if (estimate == EnergyEstimate::integral) {
    if (member.energy().has_counter()) ahead_[&member] += joules;
    return joules;
  }
  const auto lent = ahead_.find(&member);
  if (lent == ahead_.end() || joules <= 0) return joules;
  const double told = std::min(lent->second, joules);
  ahead_.erase(lent);
  return joules - told;
}

}  // namespace flopwatt::accounting
