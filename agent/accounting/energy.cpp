#include "agent/accounting/energy.h"

#include <algorithm>
#include <cmath>

#include "readings/reading_set.h"

namespace flopwatt::accounting {
void EnergySeries::set_shape(const EnergyShape& shape) {
  shape_ = shape;
  if (shape.counter)
    counter_.set_resolution(*shape.counter);
  else
    counter_.begin_epoch();  // power is counted from here on: the register's growth must not come on top
}

void EnergySeries::restore(const CounterReading& last, double likely_watts) {
  counter_.restore(last);
  if (likely_watts > 0) likely_.observe(last.time_us, likely_watts);
}

EnergyGrowth EnergySeries::add(const EnergyReading& reading, const Retention& retention) {
  time_variance_.observe(reading.time_variance);
  newest_us_ = reading.time_us;
  // Power first: it says how much the counter may have grown.
  const double integrated = is_known(reading.watts) ? integrate(reading, retention) : 0;
  // A register without any value so far does not count as one: not every device of a model has it.
  if (!shape_.counter || (!counter_.last() && !is_known(reading.joules))) return {integrated, 0};
  return is_known(reading.joules) ? count(reading, retention) : EnergyGrowth{};
}

double EnergySeries::integrate(const EnergyReading& reading, const Retention& retention) {
  double joules = 0;
  for (const PowerStep& step : integral_.add(reading.time_us, reading.watts, likely_)) {
    const bool is_near = step.time_us - step.since_us <= shape_.longest_gap_us;
    integrated_.append(step.time_us, {step.joules, step.variance}, is_near ? tag_known : tag_gap, retention);
    if (is_near) joules += step.joules;
    likely_.observe(step.time_us, step.watts);
    last_watts_ = step.watts;
  }
  return joules;
}

EnergyGrowth EnergySeries::count(const EnergyReading& reading, const Retention& retention) {
  EnergyGrowth growth;
  const CounterBounds bounds{likely_.limit(), LikelyPower::possible_watts};
  for (const CounterStep& step : counter_.add({reading.time_us, reading.joules, {}}, bounds)) {
    const bool is_near = step.time_us - step.since_us <= shape_.longest_gap_us;
    counted_.append(step.time_us, {step.growth}, step.known && is_near ? tag_known : tag_gap, retention);
    growth.joules += step.growth;
    if (step.restored) growth.restored_joules += step.growth;
    // Without power readings the likely power follows from the counter itself.
    if (!shape_.power && step.known)
      likely_.observe(step.time_us, step.growth / seconds(step.time_us - step.since_us));
  }
  return growth;
}

std::int64_t EnergySeries::decided_us(const std::optional<std::int64_t>& last_us) const {
  // What was silent or in doubt for longer than a gap may last can no longer become known.
  if (!last_us || newest_us_ - *last_us > shape_.longest_gap_us) return newest_us_;
  return *last_us;
}

std::int64_t EnergySeries::reached_us() const {
  std::int64_t reached = newest_us_;
  if (shape_.counter && counter_.last()) reached = std::min(reached, decided_us(counter_.last()->time_us));
  if (shape_.power) reached = std::min(reached, decided_us(integral_.last_us()));
  return reached;
}

EnergyEstimate EnergySeries::choose(TimeSpan window) const {
  if (!shape_.counter || counted_.empty()) return EnergyEstimate::integral;
  if (!shape_.power || integrated_.empty()) return EnergyEstimate::counter;
  const auto covered_by = [&](EnergyEstimate estimate) {
    std::vector<TimeSpan> gaps;
    add_gaps(estimate, window, gaps);
    return without_gaps(window, gaps);
  };
  const auto counted_spans = covered_by(EnergyEstimate::counter);
  const auto integrated_spans = covered_by(EnergyEstimate::integral);
  const double counted_us = static_cast<double>(total_us(counted_spans));
  const double integrated_us = static_cast<double>(total_us(integrated_spans));
  if (counted_us < 0.9 * integrated_us) return EnergyEstimate::integral;
  if (integrated_us < 0.9 * counted_us) return EnergyEstimate::counter;
  const EnergyPart counted = part(EnergyEstimate::counter, counted_spans);
  const EnergyPart integrated = part(EnergyEstimate::integral, integrated_spans);
  if (std::abs(counted_us - integrated_us) < 0.01 * counted_us) {
    const double apart = std::abs(counted.joules - integrated.joules);
    const double allowed = 2 * shape_.accuracy * std::max(counted.joules, integrated.joules) +
                           3 * std::sqrt(counted.variance() + integrated.variance());
    if (apart > allowed) return EnergyEstimate::counter;
  }
  return counted.variance() <= integrated.variance() ? EnergyEstimate::counter : EnergyEstimate::integral;
}

void EnergySeries::add_gaps(EnergyEstimate estimate, TimeSpan window, std::vector<TimeSpan>& gaps) const {
  if (estimate == EnergyEstimate::counter)
    counted_.add_gaps(window, gaps);
  else
    integrated_.add_gaps(window, gaps);
}

EnergyPart EnergySeries::part(EnergyEstimate estimate, std::span<const TimeSpan> covered) const {
  EnergyPart part;
  const auto stretches = static_cast<double>(covered.size());
  const double duration = seconds(total_us(covered));
  if (duration <= 0) return part;
  if (estimate == EnergyEstimate::counter) {
    part.joules = counted_.growth(covered)[0];
    part.sampling_variance = counted_.cut_variance(covered);
    const double q = counter_.resolution().at(counter_.last() ? counter_.last()->value : 0);
    // Few steps: the difference of two readings is no longer small against its own bounds of +-q, of which it
    // is then as likely to be at one as anywhere: the full bound instead of the triangle's 2 (q/sqrt 12)^2.
    const bool is_few = part.joules < 10 * q * stretches;
    part.step_variance = stretches * (is_few ? square(q) / 3 : square(q) / 6);
  } else {
    const auto sums = integrated_.growth(covered);
    part.joules = sums[0];
    part.sampling_variance = sums[1] + integrated_.cut_variance(covered);
    // A steady load is rounded the same way in every reading: the error grows with time, not with its root.
    const double q = shape_.power ? shape_.power->at(last_watts_) : 0;
    part.step_variance = square(q * duration) / 12;
  }
  part.time_variance = time_variance_.of(part.joules, covered);
  return part;
}

}  // namespace flopwatt::accounting
