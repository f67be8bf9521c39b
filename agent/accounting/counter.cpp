#include "agent/accounting/counter.h"

#include <algorithm>
#include <cmath>

#include "agent/accounting/time_span.h"

namespace flopwatt::accounting {
namespace {

// How near a modulus the old value must have been for a fall to be its wrap.
constexpr double nearness = 1e-3;
// Displays have at least this many counts before they roll over.
constexpr double smallest_display = 1e4;
// A register that fell may return for so long.
constexpr std::int64_t longest_dip_us = 600'000'000;

// Where an integer register of that width starts again; 0: it does not within the life of a meter.
double modulus_of(Wire wire) {
  switch (wire) {
    case Wire::u8:
      return 0x1p8;
    case Wire::u16:
      return 0x1p16;
    case Wire::i16:
      return 0x1p15;
    case Wire::u32:
      return 0x1p32;
    case Wire::i32:
      return 0x1p31;
    case Wire::u64:
    case Wire::i64:
    case Wire::f32:
    case Wire::f64:
      return 0;
  }
  return 0;
}

}  // namespace

void Counter::set_resolution(const Resolution& resolution) {
  if (last_) step_before_ = std::max(step_before_, resolution_.at(last_->value));
  resolution_ = resolution;
}

void Counter::restore(const CounterReading& last) {
  if (last_) since_fall_ += std::max(0.0, last.value - last_->value);  // replayed up to there
  last_ = last;
  moved_us_ = last.time_us;
  restored_ = true;
  suspect_count_ = 0;
}

void Counter::begin_epoch() {
  if (last_) ended_us_ = last_->time_us;
  last_.reset();
  restored_ = false;
  step_before_ = 0;
  before_fall_.reset();
  suspect_count_ = 0;
}

std::span<const CounterStep> Counter::add(const CounterReading& reading, const CounterBounds& bounds) {
  step_count_ = 0;
  const bool is_reading = std::isfinite(reading.value) && reading.value >= 0;
  const bool is_old = (last_ && reading.time_us <= last_->time_us) ||
                      (suspect_count_ > 0 && reading.time_us <= suspects_[suspect_count_ - 1].time_us);
  if (!is_reading || is_old) return {};
  if (!last_) {
    accept_epoch(reading);
  } else if (const auto returned = growth_of_return(reading, bounds)) {
    suspect_count_ = 0;
    before_fall_.reset();
    accept_grown(reading, *returned);
  } else if (follows_last(reading, bounds)) {
    suspect_count_ = 0;
    accept(reading);
  } else {
    const bool confirms =
        suspect_count_ > 0 && follows(suspects_[suspect_count_ - 1], reading, bounds.possible_rate);
    if (!confirms) suspect_count_ = 0;
    suspects_[suspect_count_++] = reading;
    if (suspect_count_ == suspects_.size()) adopt_suspects(bounds);
  }
  return {steps_.data(), step_count_};
}

double Counter::step_at(double value) const { return std::max(step_before_, resolution_.at(value)); }

bool Counter::follows(const CounterReading& from, const CounterReading& to, double rate) const {
  const double growth = to.value - from.value;
  const double step = step_at(from.value);
  // One step back is rounding inside the meter, no reset.
  return growth >= -step && growth <= 2 * rate * seconds(to.time_us - from.time_us) + 2 * step;
}

bool Counter::follows_last(const CounterReading& to, const CounterBounds& bounds) const {
  if (follows(*last_, to, bounds.likely_rate)) return true;
  const double growth = to.value - last_->value;
  return growth > 0 && growth <= 2 * bounds.expected + 2 * step_at(last_->value);
}

bool Counter::is_possible_growth(const CounterReading& to, const CounterBounds& bounds) const {
  const double growth = to.value - last_->value;
  return growth >= 0 &&
         growth <= 2 * bounds.possible_rate * seconds(to.time_us - moved_us_) + 2 * step_at(last_->value);
}

std::optional<double> Counter::growth_over_wrap(const CounterReading& first, double rate) const {
  const double raw = last_->value / resolution_.scale;
  const double display = std::pow(10.0, std::ceil(std::log10(std::max(raw, 1.0))));
  const double allowed = 2 * rate * seconds(first.time_us - last_->time_us) + 2 * step_at(last_->value);
  std::optional<double> best;
  for (const double modulus : {modulus_of(resolution_.wire), display >= smallest_display ? display : 0.0}) {
    if (modulus <= 0 || raw > modulus || modulus - raw > nearness * modulus) continue;
    const double growth = (modulus - raw) * resolution_.scale + first.value;
    if (growth <= allowed && (!best || growth < *best)) best = growth;
  }
  return best;
}

std::optional<double> Counter::growth_of_return(const CounterReading& to, const CounterBounds& bounds) const {
  const bool may_return =
      before_fall_ && bounds.expected > 0 && to.time_us - before_fall_->time_us <= longest_dip_us;
  const double growth = to.value - last_->value;
  if (!may_return || growth <= 0) return std::nullopt;
  const double returned = to.value - before_fall_->value - since_fall_;
  if (returned < -step_at(last_->value)) return std::nullopt;
  const bool is_nearer = std::abs(returned - bounds.expected) < std::abs(growth - bounds.expected);
  return is_nearer ? std::optional(std::max(0.0, returned)) : std::nullopt;
}

void Counter::accept(const CounterReading& reading) {
  const double growth = reading.value - last_->value;
  CounterReading held = reading;
  held.value = std::max(reading.value, last_->value);  // rounded back by a step: stands still
  const double step_before = growth < 0 ? step_before_ : 0;
  accept_grown(held, std::max(growth, 0.0));
  step_before_ = step_before;
}

void Counter::accept_grown(const CounterReading& reading, double growth) {
  CounterStep& step = steps_[step_count_++];
  step = {last_->time_us, reading.time_us, true, restored_, growth, {}};
  if (growth > 0) moved_us_ = reading.time_us;
  since_fall_ += growth;
  for (std::size_t i = 0; i < step.beside.size(); ++i) step.beside[i] = reading.beside[i] - last_->beside[i];
  begin_at(reading);
}

void Counter::accept_epoch(const CounterReading& reading) {
  steps_[step_count_++] = {last_ ? last_->time_us : ended_us_, reading.time_us, false, restored_, 0, {}};
  moved_us_ = reading.time_us;
  before_fall_.reset();
  if (last_ && reading.value < last_->value) before_fall_ = last_;
  since_fall_ = 0;
  begin_at(reading);
}

void Counter::begin_at(const CounterReading& reading) {
  last_ = reading;
  restored_ = false;
  step_before_ = 0;
}

void Counter::adopt_suspects(const CounterBounds& bounds) {
  const auto [first, second, newest] = suspects_;
  const auto rate = [](const CounterReading& from, const CounterReading& to) {
    return (to.value - from.value) / seconds(to.time_us - from.time_us);
  };
  // They have to agree on a rate too: a glitch may have come first, and the new counter after it.
  const double early = std::max(bounds.likely_rate, 10 * rate(first, second));
  const double late = std::max(bounds.likely_rate, 10 * rate(second, newest));
  if (!follows(first, second, late) || !follows(second, newest, early)) {
    suspects_ = {second, newest, {}};
    suspect_count_ = 2;
    return;
  }
  if (bounds.must_grow && first.value < last_->value && !(newest.value > first.value)) {
    suspects_ = {first, newest, {}};
    suspect_count_ = 2;
    return;
  }
  suspect_count_ = 0;
  const double likely = std::max(bounds.likely_rate, 10 * rate(first, newest));
  if (follows(*last_, first, likely) || is_possible_growth(first, bounds)) {
    accept(first);
  } else if (const auto wrapped =
                 first.value < last_->value ? growth_over_wrap(first, likely) : std::nullopt) {
    accept_grown(first, *wrapped);
  } else {
    accept_epoch(first);
  }
  accept(second);
  accept(newest);
}

}  // namespace flopwatt::accounting
