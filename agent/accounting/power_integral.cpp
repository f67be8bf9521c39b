#include "agent/accounting/power_integral.h"

#include <algorithm>
#include <cmath>

#include "agent/accounting/time_span.h"
#include "agent/accounting/time_variance.h"

namespace flopwatt::accounting {
namespace {

constexpr double forgetting_seconds = 300;
constexpr double longest_mean_s = 1;

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
    accept(reading, !suspect_);
    suspect_.reset();
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

void PowerIntegral::add_variance(PowerStep& step, double rise, double dt) {
  const double stood_s = seconds(step.time_us - fresh_us_);
  if (rise == 0) {
    if (stood_s > age_s_) rise_ = 0;  // it has been refreshed, and is the same
    return;
  }
  const double span = std::clamp(stood_s, dt, std::max(dt, age_s_));
  step.to_and_fro = 5.0 / 6 * std::max(0.0, -rise * rise_) * span * span;
  step.variance =
      rise * rise * (span * span / 12 + age_s_ * age_s_ / 4 + time_variance_ + square(longest_mean_s) / 12) +
      step.to_and_fro;
  rise_ = rise;
  fresh_us_ = step.time_us;
}

void PowerIntegral::accept(const Reading& reading, bool is_known) {
  PowerStep step{reading.time_us, reading.time_us, 0, 0, 0, reading.watts, is_known};
  if (last_) {
    const double dt = seconds(reading.time_us - last_->time_us);
    step.since_us = last_->time_us;
    step.joules = 0.5 * (reading.watts + last_->watts) * dt;
    add_variance(step, reading.watts - last_->watts, dt);
    if (!is_known && suspect_->watts <= LikelyPower::jump_watts) {
      step.to_and_fro = square((suspect_->watts - last_->watts) * dt / 2);
      step.burst_joules =
          0.5 * (last_->watts + suspect_->watts) * seconds(suspect_->time_us - last_->time_us) +
          0.5 * (suspect_->watts + reading.watts) * seconds(reading.time_us - suspect_->time_us);
    }
  } else {
    fresh_us_ = reading.time_us;
  }
  steps_[step_count_++] = step;
  last_ = reading;
}

}  // namespace flopwatt::accounting
