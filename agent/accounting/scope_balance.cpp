#include "agent/accounting/scope_balance.h"

#include <algorithm>
#include <cmath>

#include "agent/accounting/contradictions.h"

namespace flopwatt::accounting {
namespace {

constexpr std::int64_t look_each_us = 5'000'000;
constexpr std::int64_t span_us = 300'000'000;
constexpr double least_s = 10;
constexpr double least_short_s = 90;

TimeSpans covered_by(const Member& member, EnergyEstimate estimate, TimeSpan window, TimeSpans& gaps) {
  TimeSpans own;
  member.energy().add_gaps(estimate, window, own);
  gaps.insert(gaps.end(), own.begin(), own.end());
  return without_gaps(window, own);
}

// The newest moment that all of them have reached.
std::int64_t reached_by(std::span<const Member* const> members, std::int64_t now_us) {
  std::int64_t reached = now_us;
  for (const Member* member : members)
    if (!member->is_stale(now_us)) reached = std::min(reached, member->energy().reached_us());
  return reached;
}

}  // namespace

std::optional<BalanceSums> balance_over(TimeSpan window, std::span<const Member* const> meters,
                                        std::span<const Member* const> devices) {
  TimeSpans gaps;
  std::vector<const Member*> members(meters.begin(), meters.end());
  std::vector<EnergyEstimate> estimates;
  for (const Member* meter : meters) {
    estimates.push_back(meter->energy().choose(window));
    (void)covered_by(*meter, estimates.back(), window, gaps);
  }
  for (const Member* device : devices) {
    const EnergyEstimate estimate = device->energy().choose(window);
    TimeSpans own;
    if (total_us(covered_by(*device, estimate, window, own)) < window.length_us() / 2) continue;
    gaps.insert(gaps.end(), own.begin(), own.end());
    members.push_back(device);
    estimates.push_back(estimate);
  }
  const TimeSpans covered = without_gaps(window, gaps);
  BalanceSums sums;
  sums.seconds = seconds(total_us(covered));
  if (sums.seconds < least_s || 2 * total_us(covered) < window.length_us()) return std::nullopt;
  double variance = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const EnergyPart part = members[i]->energy().part(estimates[i], covered);
    const Source& source = members[i]->source();
    (i < meters.size() ? sums.meters : sums.devices) += part.joules;
    sums.allowed += (source.accuracy + source.ct_accuracy) * part.joules + part.disagreement;
    variance += part.variance();
  }
  sums.allowed += 3 * std::sqrt(variance);
  return sums;
}

void ScopeBalance::follow(std::span<const Member* const> meters, std::span<const Member* const> devices,
                          std::int64_t now_us, std::int64_t longest_us) {
  if (meters.empty() || devices.empty() || now_us - looked_us_ < look_each_us) return;
  looked_us_ = now_us;
  // Who is wrong by itself is told by itself.
  const auto says_nothing = [](const Member* meter) { return meter == nullptr || is_contradicted(*meter); };
  std::optional<BalanceSums> sums;
  if (std::ranges::none_of(meters, says_nothing)) {
    const std::int64_t end = std::min(reached_by(meters, now_us), reached_by(devices, now_us));
    sums = balance_over({end - std::min(span_us, longest_us), end}, meters, devices);
    // Not known for so long yet, as after the start.
    if (!sums)
      sums = balance_over({end - static_cast<std::int64_t>(2 * least_s * 1e6), end}, meters, devices);
  }
  if (!sums || sums->devices - sums->meters <= sums->allowed) {
    short_since_us_.reset();
    told_.reset();
    return;
  }
  if (!short_since_us_) short_since_us_ = now_us;
  if (seconds(now_us - *short_since_us_) < least_short_s) return;
  told_ = BalanceFigures{sums->meters, sums->devices, sums->seconds};
}

}  // namespace flopwatt::accounting
