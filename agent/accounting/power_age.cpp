#include "agent/accounting/power_age.h"

#include <algorithm>
#include <cmath>

#include "agent/accounting/time_span.h"

namespace flopwatt::accounting {
namespace {

constexpr double longest_period_s = 60;
constexpr double shortest_period_s = 0.5;
constexpr double longest_presumed_s = 10;
constexpr double finer = 1 / 1.03;
constexpr double jitter_s = 0.1;         // of the moment at which a poll really took the value
constexpr double jitter_share = 0.02;    // of a period
constexpr double most_periods = 3;       // more in one time tell nothing of the period
constexpr double least_intervals = 2.5;  // of the polls: shorter periods need no care
constexpr std::size_t least_changes = 10;
constexpr double unusual = 3;  // times the longest time between two changes
constexpr std::size_t least_shown = 3;
constexpr std::size_t tolerated = 32;  // one of so many times may contradict
constexpr float kept = 63.0F / 64;     // of older changes beside the register
constexpr float odd_share = 0.05F;     // of them

}  // namespace

void PowerAge::observe(std::int64_t time_us, double watts, RegisterMove move) {
  if (last_us_ != 0 && time_us > last_us_) {
    const double interval = seconds(time_us - last_us_);
    interval_s_ = interval_s_ == 0 ? interval : interval_s_ + (interval - interval_s_) / 16;
    if (watts != watts_) add({last_us_, time_us, watts}, move);
  }
  watts_ = watts;
  last_us_ = time_us;
}

void PowerAge::add(const Change& change, RegisterMove move) {
  changes_.at(count_++ % remembered) = change;
  with_register_ = kept * with_register_ + (move == RegisterMove::moved ? 1.0F : 0.0F);
  without_register_ = kept * without_register_ + (move == RegisterMove::rested ? 1.0F : 0.0F);
  is_decided_ = false;
}

const PowerAge::Change& PowerAge::nth_newest(std::size_t n) const {
  return changes_.at((count_ - 1 - n) % remembered);
}

bool PowerAge::follows_register() const {
  return without_register_ <= odd_share * (with_register_ + without_register_);
}

double PowerAge::greatest_s(double told_s, double register_s) {
  const double presumed = follows_register() ? std::max(told_s, register_s) : 0;
  if (!is_decided_ || presumed != presumed_s_) {
    age_s_ = longest_period(presumed);
    presumed_s_ = presumed;
    is_decided_ = true;
  }
  return age_s_;
}

bool PowerAge::stands_unusually_long(std::int64_t now_us) const {
  if (count_ < least_changes) return false;
  double longest = interval_s_;
  for (std::size_t i = 0; i + 1 < std::min(count_, remembered); ++i)
    longest = std::max(longest, seconds(nth_newest(i).seen_us - nth_newest(i + 1).seen_us));
  return seconds(now_us - nth_newest(0).seen_us) > unusual * longest;
}

double PowerAge::longest_period(double presumed) const {
  if (presumed > 0) {
    double period = presumed;
    while (period > shortest_period_s && is_contradicted(period)) period *= finer;
    return period;
  }
  if (count_ < least_changes || !is_restless())
    return with_register_ + without_register_ > 0 ? uncontradicted_period() : 0;
  if (shown(longest_period_s) < least_shown) return 0;
  for (double period = longest_period_s; period >= least_intervals * interval_s_; period *= finer)
    if (!is_contradicted(period) && shown(period) >= least_shown) return period;
  return 0;
}

double PowerAge::uncontradicted_period() const {
  if (count_ < 2) return 0;
  const double least = least_intervals * interval_s_;
  double period = longest_presumed_s;
  while (period >= least && is_contradicted(period)) period *= finer;
  return period >= least ? period : 0;
}

// Most values are new ones.
bool PowerAge::is_restless() const {
  const std::size_t held = std::min(count_, remembered);
  std::size_t again = 0;
  for (std::size_t i = 0; i < held; ++i) {
    bool is_again = false;
    for (std::size_t k = i + 1; k < held; ++k)
      is_again = is_again || nth_newest(i).watts == nth_newest(k).watts;
    if (is_again) ++again;
  }
  return 2 * again <= held;
}

// A time between two changes is neither the period nor two or three of it.
bool PowerAge::is_contradicted(double period) const {
  const std::size_t held = std::min(count_, remembered);
  const double jitter = jitter_s + jitter_share * period;
  std::size_t told = 0, against = 0;
  for (std::size_t apart = 1; apart <= 2; ++apart) {
    for (std::size_t i = 0; i + apart < held; ++i) {
      const double least = seconds(nth_newest(i).before_us - nth_newest(i + apart).seen_us) - jitter;
      const double most = seconds(nth_newest(i).seen_us - nth_newest(i + apart).before_us) + jitter;
      if (least > most_periods * period) continue;
      ++told;
      const double periods = std::floor(most / period);
      if (periods < 1 || periods * period < least) ++against;
    }
  }
  return against > told / tolerated;
}

// How many times between two changes in a row, in which the value was seen to repeat, were no longer.
std::size_t PowerAge::shown(double period) const {
  const std::size_t held = std::min(count_, remembered);
  std::size_t shown = 0;
  for (std::size_t i = 0; i + 1 < held; ++i) {
    const double least = seconds(nth_newest(i).before_us - nth_newest(i + 1).seen_us);
    if (least > 0 && least <= period + jitter_s) ++shown;
  }
  return shown;
}

}  // namespace flopwatt::accounting
