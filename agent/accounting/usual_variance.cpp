#include "agent/accounting/usual_variance.h"

#include <algorithm>
#include <cmath>

#include "agent/accounting/time_variance.h"

namespace flopwatt::accounting {
namespace {

constexpr double usual_memory_s = 3600;
constexpr double doubt_s = 300;
// Of one size, as readings are (power_integral.h); these are squares.
constexpr double one_size = square(10);
// Of independent readings 5/6 of the variance go to and fro (power_integral.h).
constexpr double of_whole = 6.0 / 5;

}  // namespace

void UsualVariance::observe(double to_and_fro, double length_s, bool is_certain) {
  const double kept = std::exp(-length_s / usual_memory_s);
  sum_ *= kept;
  largest_ *= kept;
  seconds_ = kept * seconds_ + length_s;
  dropped_age_s_ += length_s;
  if (dropped_age_s_ > usual_memory_s) dropped_ = 0;
  if (is_certain) {
    sum_ += to_and_fro;
    largest_ = std::max(largest_, to_and_fro);
  } else if (to_and_fro > 0) {
    observe_dropped(to_and_fro);
  }
}

void UsualVariance::observe_dropped(double to_and_fro) {
  if (dropped_ > 0 && std::max(to_and_fro, dropped_) <= one_size * std::min(to_and_fro, dropped_)) {
    sum_ += to_and_fro;
    largest_ = std::max(largest_, to_and_fro);
  }
  dropped_ = to_and_fro;
  dropped_age_s_ = 0;
}

double UsualVariance::rate() const {
  if (!(seconds_ > 0)) return 0;
  const double doubtful = dropped_age_s_ <= doubt_s ? std::max(0.0, dropped_ - largest_) : 0;
  return of_whole * (sum_ + largest_ + 2 * doubtful) / seconds_;
}

}  // namespace flopwatt::accounting
