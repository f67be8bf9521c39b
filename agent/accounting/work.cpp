#include "agent/accounting/work.h"

#include <algorithm>

#include "readings/reading_set.h"

namespace flopwatt::accounting {
namespace {

// Share of a sample's clock error that all samples have in common. Polls see ten moments of the interval
// (runtime/moving_phase.h), so a clock that goes with a load in step with them is off by up to a tenth.
constexpr double common_clock_error = 0.1;
constexpr double unlike_mean = 2;  // times the mean rate

// Bounds that are missing or contradict the work become the work itself: never tighter
// than reported, never negative. The half-width of this one step gives its variance: the errors of two
// intervals are independent, so variances add up and half-widths do not.
Track<4>::Sums growth_of(const CounterStep& step) {
  const auto or_work = [&](double value) { return is_known(value) ? value : step.growth; };
  const double low = std::clamp(or_work(step.beside[0]), 0.0, step.growth);
  const double high = std::max(or_work(step.beside[1]), step.growth);
  const double spread = is_known(step.beside[2]) ? std::clamp(step.beside[2], 0.0, step.growth) : 0.0;
  return {step.growth, low, high, square(spread) / 3};
}

}  // namespace

double WorkSeries::add(const WorkReading& reading, const Retention& retention) {
  time_variance_.observe(reading.time_variance);
  newest_us_ = reading.time_us;
  offered_ = is_known(reading.work);
  if (!offered_) {
    counter_.begin_epoch();
    return 0;
  }
  double growth = 0;
  const double likely = reading.peak_rate > 0 ? reading.peak_rate : possible_flop_per_second;
  const CounterReading counted{reading.time_us, reading.work, {reading.low, reading.high, reading.spread}};
  for (const CounterStep& step : counter_.add(counted, {likely, likely})) {
    const bool is_known_stretch = step.known && step.time_us - step.since_us <= longest_gap_us_;
    track_.append(step.time_us, growth_of(step), is_known_stretch ? tag_known : tag_gap, retention);
    growth += step.growth;
  }
  return growth;
}

std::int64_t WorkSeries::reached_us() const {
  // Without work now, or in doubt for longer than a gap may last: nothing can become known any more.
  if (!offered_ || !counter_.last()) return newest_us_;
  const std::int64_t last_us = counter_.last()->time_us;
  return newest_us_ - last_us > longest_gap_us_ ? newest_us_ : last_us;
}

WorkPart WorkSeries::part(std::span<const TimeSpan> covered) const {
  const auto sums = track_.growth(covered);
  // Of n samples with the variance V together the error that is common to all has 1/100 n V.
  const double samples = seconds(total_us(covered)) / interval_s_;
  const double clock_variance = sums[3] * (1 + square(common_clock_error) * samples);
  WorkPart part{sums[0], sums[1], sums[2], clock_variance, 0, track_.cut_variance(covered), 0};
  part.time_variance = time_variance_.of(part.work, covered);
  // Where work begins or ends near an edge, the mean rate says nothing of what a wrong time stamp does there.
  const double mean_rate = part.work / seconds(total_us(covered));
  for (const TimeSpan& span : covered) {
    for (const std::int64_t edge_us : {span.begin_us, span.end_us}) {
      const double rate = track_.highest_rate_around(edge_us);
      if (rate > unlike_mean * mean_rate) part.time_variance += time_variance_.at_rate(rate);
    }
  }
  return part;
}

}  // namespace flopwatt::accounting
