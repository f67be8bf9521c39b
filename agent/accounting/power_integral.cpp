#include "agent/accounting/power_integral.h"

#include <algorithm>
#include <cmath>

#include "agent/accounting/time_span.h"

namespace flopwatt::accounting {
namespace {

constexpr double forgetting_seconds = 300;

bool same_size(double one, double other) {
  return std::max(one, other) <=
         std::max(LikelyPower::factor * std::min(one, other), LikelyPower::floor_watts);
}

}  // namespace

void LikelyPower::observe(std::int64_t time_us, double watts) {
  const double age = std::max(0.0, seconds(time_us - time_us_));
  peak_ = std::max(std::min(watts, possible_watts), peak_ * std::exp(-age / forgetting_seconds));
  time_us_ = time_us;
  is_known_ = true;
}

double LikelyPower::limit() const {
  return is_known() ? std::max(factor * peak_, floor_watts) : unknown_watts;
}

double LikelyPower::jump_limit() const { return is_known() ? std::max(limit(), jump_watts) : unknown_watts; }

std::span<const PowerStep> PowerIntegral::add(std::int64_t time_us, double watts, const LikelyPower& likely) {
  step_count_ = 0;
  const bool is_old = (last_ && time_us <= last_->time_us) || (suspect_ && time_us <= suspect_->time_us);
  if (!(std::abs(watts) <= LikelyPower::possible_watts) || is_old) return {};
  const Reading reading{time_us, std::max(0.0, watts)};
  const bool believed = last_ && likely.is_known() && reading.watts <= likely.limit();
  if (believed) {
    const bool is_known = !suspect_;
    suspect_.reset();
    accept(reading, is_known);
  } else if (suspect_ && same_size(suspect_->watts, reading.watts)) {
    accept(*suspect_, true);
    suspect_.reset();
    accept(reading, true);
  } else {
    suspect_ = reading;
  }
  return {steps_.data(), step_count_};
}

std::optional<std::int64_t> PowerIntegral::last_us() const {
  return last_ ? std::optional(last_->time_us) : std::nullopt;
}

void PowerIntegral::accept(const Reading& reading, bool is_known) {
  PowerStep step{reading.time_us, reading.time_us, 0, 0, reading.watts, is_known};
  if (last_) {
    const double dt = seconds(reading.time_us - last_->time_us);
    const double rise = reading.watts - last_->watts;
    step.since_us = last_->time_us;
    step.joules = 0.5 * (reading.watts + last_->watts) * dt;
    step.variance = (rise * rise / 12 + 5.0 / 6 * std::max(0.0, -rise * rise_)) * dt * dt;
    rise_ = rise;
  }
  steps_[step_count_++] = step;
  last_ = reading;
}

}  // namespace flopwatt::accounting
