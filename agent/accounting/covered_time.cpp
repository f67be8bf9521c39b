#include "agent/accounting/covered_time.h"

#include <algorithm>
#include <array>
#include <utility>

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
  TimeSpans gaps = work.gaps;
  for (const Member* member : energy) member->energy().add_gaps(estimate_of(*member), work.span, gaps);
  const auto covered = without_gaps(work.span, gaps);
  Sums sums;
  for (const Member* member : energy) sums.joules += energy_of(*member, work.span, covered);
  if (covered.empty()) return sums;
  for (const Member* source : work.sources) sums.flop += source->work_part(work.method, covered).work;
  return sums;
}

// What power tells since the register's last move, before the first stretch, is told by the register inside it. At
// its first move at all, some of that is of an unknown time.
CoveredTime::Added& CoveredTime::added_of(const EnergySeries& energy, const Member& member,
                                          TimeSpan stretch) {
  const auto [place, is_new] = added_.try_emplace(&member);
  Added& added = place->second;
  if (is_new || added.epoch != energy.register_epoch()) {
    added = {};
    added.epoch = energy.register_epoch();
    added.counted_j = energy.counted_until(is_new ? stretch.begin_us : stretch.end_us);
    added.has_moved = is_new && energy.agreement().has_moved();
    added.ahead.lend(energy.agreement().while_still());
  }
  return added;
}

double CoveredTime::energy_of(const Member& member, TimeSpan stretch, std::span<const TimeSpan> covered) {
  const EnergySeries& energy = member.energy();
  if (!energy.has_counter() || !energy.has_power()) return energy.part(estimate_of(member), covered).joules;
  const auto told_by_power = [&](std::span<const TimeSpan> spans) {
    return energy.part(EnergyEstimate::integral, spans).joules;
  };
  Added& added = added_of(energy, member, stretch);
  const double growth = energy.counted_until(stretch.end_us) - added.counted_j;
  added.counted_j += growth;
  const bool is_whole = covered.size() == 1 && covered.front() == stretch;
  if (growth <= 0) {
    added.ahead.lend(told_by_power(std::array{stretch}));
    added.is_whole = added.is_whole && is_whole;
    return told_by_power(covered);
  }
  const RestEnd rest_end = energy.agreement().rest().end;
  if (rest_end == RestEnd::lost) added.ahead = {};
  const double joules = added.ahead.settle(growth);
  const bool was_whole = std::exchange(added.is_whole, true);
  if (!std::exchange(added.has_moved, true)) {
    added.ahead = {};
    return told_by_power(covered);
  }
  // What power told while the device had stopped measuring is put right.
  if (was_whole && (is_whole || rest_end == RestEnd::disputed)) return joules;
  TimeSpans gaps;
  energy.add_gaps(EnergyEstimate::integral, stretch, gaps);
  const auto estimate = gaps.empty() ? EnergyEstimate::integral : EnergyEstimate::counter;
  return std::min(joules, energy.part(estimate, covered).joules);
}

}  // namespace flopwatt::accounting
