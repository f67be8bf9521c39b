#include "agent/accounting/register_step.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace flopwatt::accounting {

void RegisterStep::restore(double step) {
  if (!(step > 0) || !std::isfinite(step)) return;
  step_ = step;
  stood_still_ = true;
}

void RegisterStep::observe(double growth, double noise) {
  if (!(growth > 0)) {
    stood_still_ = true;
    return;
  }
  if (last_growth_ > 0 && std::abs(growth - last_growth_) > 2 * noise) has_varied_ = true;
  last_growth_ = growth;
  if (step_ == 0) {
    step_ = growth;
    return;
  }
  // The measure itself is known to the noise, so is each of its multiples.
  const double tolerance = noise * (growth / step_ + 2);
  if (4 * tolerance > step_) return;
  const double over = std::fmod(growth, step_);
  const double remainder = std::min(over, step_ - over);
  if (remainder <= tolerance) return;
  const double before = std::exchange(contradiction_, remainder);
  if (before > 0) {
    step_ = std::max(before, remainder);
    contradiction_ = 0;
  }
}

}  // namespace flopwatt::accounting
