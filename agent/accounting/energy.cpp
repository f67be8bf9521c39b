#include "agent/accounting/energy.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "readings/reading_set.h"

namespace flopwatt::accounting {
namespace {

// A value that is T old makes a burst stand for T. The burst itself was shorter, and its variance smaller by a
// share that nothing tells. This one holds the truth for bursts of 0.1 to 5 s at refreshes of 1 to 10 s
// (tests/monte_carlo).
constexpr double burst_share = 1.0 / 16;

}  // namespace

void EnergySeries::set_shape(const EnergyShape& shape) {
  shape_ = shape;
  if (shape.counter)
    counter_.set_resolution(*shape.counter);
  else
    begin_epoch();  // power is counted from here on: the register's growth must not come on top
  counter_.learn_step(step_.learned());
  agreement_.set_accuracy(shape.accuracy);
}

void EnergySeries::restore(const EnergyMemory& memory) {
  counter_.restore(memory.last);
  step_.restore(memory.step);
  counter_.learn_step(step_.learned());
  ahead_.lend(std::max(0.0, memory.ahead));
  if (memory.likely_watts > 0)
    likely_.observe(memory.last.time_us,
                    std::min(memory.likely_watts, LikelyPower::unknown_watts / LikelyPower::factor));
}

void EnergySeries::begin_epoch() {
  ++epoch_;
  counter_.begin_epoch();
  counter_.learn_step(0);
  step_.forget();
  agreement_.begin_device();
  age_.forget();
  ahead_ = {};
  bridged_ = 0;
}

EnergyGrowth EnergySeries::add(const EnergyReading& reading, const Retention& retention) {
  time_variance_.observe(reading.time_variance);
  newest_us_ = reading.time_us;
  if (repeats_itself(reading)) return {};
  observe_age(reading);
  return add_energy(reading, retention);
}

void EnergySeries::observe_age(const EnergyReading& reading) {
  if (!is_known(reading.watts)) return;
  RegisterMove move = RegisterMove::unknown;
  if (shape_.counter && counter_.last() && is_known(reading.joules)) {
    const double step = counter_.resolution().at(counter_.last()->value);
    if (reading.joules != counter_.last()->value)
      move = RegisterMove::moved;
    else if (agreement_.since_move() >= 2 * step)
      move = RegisterMove::rested;
  }
  age_.observe(reading.time_us, reading.watts, move);
  age_s_ = age_.greatest_s(shape_.refresh_s, register_age_s());
  integral_.set_age(age_s_);
}

double EnergySeries::register_age_s() const {
  return shape_.refresh_s > 0 ? shape_.refresh_s : agreement_.refresh_s();
}

EnergyGrowth EnergySeries::add_energy(const EnergyReading& reading, const Retention& retention) {
  // Power first: it says how much the counter may have grown.
  const bool has_power = is_known(reading.watts) && !is_dropout(reading);
  const double integrated = has_power ? integrate(reading, retention) : 0;
  // A register without any value so far does not count as one: not every device of a model has it.
  if (!shape_.counter || (!counter_.last() && !is_known(reading.joules))) return {integrated, 0};
  EnergyGrowth growth = is_known(reading.joules) ? count(reading, retention) : EnergyGrowth{};
  growth.joules += follow_power_while_still();
  return growth;
}

// Once the register is known to stand still, all that power has told since it moved counts.
double EnergySeries::follow_power_while_still() {
  if (agreement_.verdict() != RegisterVerdict::stands_still) return 0;
  const double joules = std::max(0.0, agreement_.since_move() - bridged_);
  bridged_ += joules;
  ahead_.lend(joules);
  return joules;
}

double EnergySeries::integrate(const EnergyReading& reading, const Retention& retention) {
  double joules = 0;
  integral_.set_time_variance(reading.time_variance);
  for (const PowerStep& step : integral_.add(reading.time_us, reading.watts, likely_)) {
    const bool is_near = step.time_us - step.since_us <= shape_.longest_gap_us;
    const bool is_known = step.is_known && is_near;
    integrated_.append(step.time_us, {step.joules, step.variance}, is_known ? tag_known : tag_gap, retention);
    if (is_known) joules += step.joules;
    usual_.observe(step.to_and_fro, seconds(step.time_us - step.since_us), step.is_known);
    // To leave out what may have been bursts would compare the register with the time between them alone.
    if (!step.is_known && step.burst_joules > 0)
      agreement_.integrate(step.burst_joules, step.variance + step.to_and_fro,
                           seconds(step.time_us - step.since_us), is_near);
    else
      agreement_.integrate(step.joules, step.variance, seconds(step.time_us - step.since_us), is_known);
    likely_.observe(step.time_us, step.watts);
    last_watts_ = step.watts;
  }
  return joules;
}

bool EnergySeries::is_near(const CounterStep& step) const {
  return step.time_us - step.since_us <= shape_.longest_gap_us;
}

EnergyGrowth EnergySeries::follow(const CounterStep& step, const Retention& retention) {
  // What an earlier run read last is the beginning, unless the windows have more of that run.
  const bool is_beginning = step.restored && counted_.empty();
  const std::uint8_t tag_if_known = is_near(step) ? tag_known : is_beginning ? tag_gap : tag_bridged;
  counted_.append(step.time_us, {step.growth}, step.known ? tag_if_known : tag_gap, retention);
  EnergyGrowth growth{step.growth, step.restored ? step.growth : 0};
  if (!step.known) {
    begin_register();
    if (is_near(step) && !step.restored && counter_.fell(step))
      growth.joules += bridge_fall({step.since_us, step.time_us});
  }
  learn(step);
  // Without power readings the likely power follows from the counter itself.
  if (!shape_.power && step.known)
    likely_.observe(step.time_us, step.growth / seconds(step.time_us - step.since_us));
  return growth;
}

EnergyGrowth EnergySeries::count(const EnergyReading& reading, const Retention& retention) {
  EnergyGrowth growth;
  const CounterBounds bounds{likely_.limit(), likely_.jump_limit(), agreement_.since_move(), true};
  // A step that was learned is no excuse for a leap: it may have been learned from leaps.
  const double step_of_type = std::max(shape_.counter->of_type(reading.joules), shape_.counter->coarsest);
  if (shape_.power) agreement_.show(reading.time_us, reading.joules, step_of_type, likely_.jump_limit());
  // The first growth of all would be its own step.
  const double step_before = counter_.resolution().at(reading.joules);
  double moved = 0;
  bool is_paired = true;
  const auto steps = counter_.add({reading.time_us, reading.joules, {}}, bounds);
  for (const CounterStep& step : steps) {
    const EnergyGrowth one = follow(step, retention);
    growth.joules += one.joules;
    growth.restored_joules += one.restored_joules;
    moved += step.growth;
    is_paired = is_paired && is_near(step) && step.known && !step.restored;
  }
  if (!steps.empty())
    agreement_.count(reading.time_us, moved, std::min(step_before, counter_.resolution().at(reading.joules)),
                     is_paired);
  const double lost = moved > 0 ? end_rest(moved) : 0;
  if (moved > 0) bridged_ = 0;
  // A register that grows by far less than power told has lost that energy: it will not tell it any more.
  if (moved > 0 && ahead_.joules() > 2 * moved) ahead_ = {};
  growth.joules = ahead_.settle(growth.joules) + lost;
  growth.restored_joules = std::min(growth.restored_joules, growth.joules);
  return growth;
}

// Power tells what flowed while the register fell.
double EnergySeries::bridge_fall(TimeSpan span) {
  TimeSpans gaps;
  integrated_.add_gaps(span, gaps);
  if (!gaps.empty()) return 0;
  const double joules = integrated_.growth(std::array{span})[0];
  counter_.bridge_fall(joules);
  return joules;
}

// Returns the energy, J, that the register has lost and that totals have not counted by power yet. `moved`: its growth
// after the rest.
double EnergySeries::end_rest(double moved) {
  const Rest& rest = agreement_.rest();
  if (integrated_.empty()) return 0;
  switch (rest.end) {
    case RestEnd::none:
      break;
    case RestEnd::late:
      spread_over(rest.span);
      break;
    case RestEnd::disputed:
      counted_.bridge(rest.span);
      integrated_.forget(rest.span);
      break;
    case RestEnd::first:
      counted_.forget(rest.span);
      break;
    case RestEnd::lost: {
      counted_.forget(rest.span);
      const double lost = std::max(0.0, rest.joules - moved);
      counter_.fell_unseen({rest.span.begin_us, counter_.last()->value - moved, {}}, moved, lost);
      return std::max(0.0, lost - bridged_);
    }
  }
  return 0;
}

// What the register tells at once came about as power tells.
void EnergySeries::spread_over(TimeSpan rest) {
  TimeSpans gaps;
  integrated_.add_gaps(rest, gaps);
  const double begin = integrated_.at(rest.begin_us)[0];
  const double whole = integrated_.at(rest.end_us)[0] - begin;
  if (!gaps.empty() || !(whole > 0)) {
    counted_.bridge(rest);
    return;
  }
  counted_.spread(rest, [&](std::int64_t time_us) { return (integrated_.at(time_us)[0] - begin) / whole; });
}

bool EnergySeries::repeats_itself(const EnergyReading& reading) const {
  if (!counter_.last() || reading.joules != counter_.last()->value || reading.watts != last_watts_)
    return false;
  return agreement_.while_still() >= 2 * counter_.resolution().at(reading.joules) &&
         age_.stands_unusually_long(reading.time_us);
}

// A meter that tells 0 for all of its registers for seconds has lost its measuring part, not its load.
bool EnergySeries::is_dropout(const EnergyReading& reading) const {
  return reading.watts == 0 && reading.joules == 0 && counter_.last() && counter_.last()->value > 0;
}

// The register begins anew, in the same device: it counts in the steps of before.
void EnergySeries::begin_register() {
  ++epoch_;
  agreement_.begin_epoch();
  ahead_ = {};
  bridged_ = 0;
}

void EnergySeries::learn(const CounterStep& step) {
  if (!step.known || step.restored) return;
  const double value = counter_.last()->value;
  const bool is_float = shape_.counter->wire == Wire::f32 || shape_.counter->wire == Wire::f64;
  const double rounding = 1e-12 * value + 1e-9 * step.growth;
  step_.observe(step.growth, is_float ? shape_.counter->of_type(value) + rounding : rounding);
  counter_.learn_step(step_.learned());
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
  if (agreement_.verdict() == RegisterVerdict::stands_still) return EnergyEstimate::integral;
  const auto covered_by = [&](EnergyEstimate estimate) {
    TimeSpans gaps;
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
    // The class is no reason to differ: it is common to both registers of one meter.
    const double allowed = 0.005 * std::max(counted.joules, integrated.joules) +
                           3 * std::sqrt(counted.variance() + integrated.variance());
    if (apart > allowed) return EnergyEstimate::counter;
  }
  return counted.variance() <= integrated.variance() ? EnergyEstimate::counter : EnergyEstimate::integral;
}

RateRange EnergySeries::power_range(EnergyEstimate estimate, std::span<const TimeSpan> covered) const {
  if (!integrated_.empty()) return integrated_.rate_range();
  return {0, 2 * part(estimate, covered).joules / seconds(total_us(covered))};
}

void EnergySeries::add_gaps(EnergyEstimate estimate, TimeSpan window, TimeSpans& gaps) const {
  if (estimate == EnergyEstimate::counter)
    counted_.add_gaps(window, gaps);
  else
    integrated_.add_gaps(window, gaps);
}

EnergyPart EnergySeries::part(EnergyEstimate estimate, std::span<const TimeSpan> covered) const {
  if (total_us(covered) <= 0) return {};
  EnergyPart part = estimate == EnergyEstimate::counter ? counted_part(covered) : integrated_part(covered);
  const RegisterAgreement::Ratio ratio = agreement_.correction();
  if (agreement_.verdict() == RegisterVerdict::differs && ratio.value > 0)
    part.disagreement = part.joules * std::abs(1 - 1 / ratio.value);
  return part;
}

EnergyPart EnergySeries::counted_part(std::span<const TimeSpan> covered) const {
  EnergyPart part;
  const auto stretches = static_cast<double>(covered.size());
  part.joules = counted_.growth(covered)[0];
  part.sampling_variance = counted_.cut_variance(covered);
  const double q = std::max(counter_.resolution().at(counter_.last() ? counter_.last()->value : 0),
                            shape_.power ? agreement_.while_still() : 0);
  // Few steps: the difference of two readings is no longer small against its own bounds of +-q, of which it
  // is then as likely to be at one as anywhere: the full bound instead of the triangle's 2 (q/sqrt 12)^2.
  const bool is_few = part.joules < 10 * q * stretches;
  part.step_variance = stretches * (is_few ? square(q) / 3 : square(q) / 6);
  const auto integrated = integrated_.empty() ? Track<2>::Sums{} : integrated_.growth(covered);
  for (const TimeSpan& span : covered)
    part.sampling_variance += spread_variance(span.begin_us) + spread_variance(span.end_us);
  part.is_partly_unseen = shape_.unseen_s > 0 && shape_.interval_s > 0;
  const double loads_variance = std::max(integrated[1], usual_.rate() * seconds(total_us(covered)));
  if (part.is_partly_unseen) part.unseen_variance = loads_variance * shape_.unseen_s / shape_.interval_s;
  // Bursts that the register shows late, at both ends.
  part.sampling_variance += stretches * burst_share * usual_.rate() * register_age_s();
  const double watts = std::max(part.joules, integrated[0]) / seconds(total_us(covered));
  part.time_variance =
      stretches * square(watts * register_age_s()) / 6 + time_variance_.of(part.joules, covered);
  return part;
}

// Where a window cuts a rest whose course power tells: both parts of the rest have the energy of the whole together.
double EnergySeries::spread_variance(std::int64_t time_us) const {
  const auto rest = counted_.spread_around(time_us);
  if (!rest || integrated_.empty()) return 0;
  const auto variance_of = [&](TimeSpan span) {
    return std::max(integrated_.growth(std::array{span})[1], usual_.rate() * seconds(span.length_us()));
  };
  const double before = variance_of({rest->begin_us, time_us});
  const double after = variance_of({time_us, rest->end_us});
  return before + after > 0 ? before * after / (before + after) : 0;
}

EnergyPart EnergySeries::integrated_part(std::span<const TimeSpan> covered) const {
  EnergyPart part;
  const auto sums = integrated_.growth(covered);
  const bool is_corrected = shape_.counter && counter_.last() &&
                            agreement_.verdict() != RegisterVerdict::stands_still &&
                            agreement_.verdict() != RegisterVerdict::contradicts;
  const auto [ratio, variance] = is_corrected ? agreement_.correction() : RegisterAgreement::Ratio{};
  part.joules = ratio * sums[0];
  const double duration = seconds(total_us(covered));
  // What a window cuts off a value that was not refreshed is one more interval at both ends together.
  const double held = usual_.rate() * age_s_ * static_cast<double>(covered.size());
  double sampling = std::max(sums[1], usual_.rate() * duration) + integrated_.cut_variance(covered) + held;
  if (is_corrected)
    sampling = agreement_.confirmed_share() * sampling + agreement_.unexplained_rate() * duration;
  part.sampling_variance = square(ratio) * sampling + square(sums[0]) * variance;
  // A steady load is rounded the same way in every reading: the error grows with time, not with its root.
  const double q = shape_.power ? shape_.power->at(last_watts_) : 0;
  part.step_variance = square(q * duration) / 12;
  return part;
}

}  // namespace flopwatt::accounting
