// Error of a source's time stamps, and its effect on an amount between two times.
#pragma once

#include <span>

#include "agent/accounting/time_span.h"

namespace flopwatt::accounting {

[[nodiscard]] constexpr double square(double x) { return x * x; }

/// The error differs from poll to poll: its variance is a running mean over about 16 time stamps.
class TimeVariance {
 public:
  /// Variance of one time stamp, s^2.
  void observe(double variance) {
    constexpr double newest_share = 1.0 / 16;
    mean_ = is_first_ ? variance : mean_ + newest_share * (variance - mean_);
    is_first_ = false;
  }

  /// Variance of what flows at this rate up to a time stamp.
  [[nodiscard]] double at_rate(double rate) const { return square(rate) * mean_; }

  /// Variance of an amount over these spans: 2 (rate u_t)^2 for each span.
  [[nodiscard]] double of(double amount, std::span<const TimeSpan> covered) const {
    const double duration = seconds(total_us(covered));
    if (duration <= 0) return 0;
    const double rate = amount / duration;
    return 2 * static_cast<double>(covered.size()) * rate * rate * mean_;
  }

 private:
  double mean_ = 0;
  bool is_first_ = true;
};

}  // namespace flopwatt::accounting
