#include "agent/daemon/sum.h"

#include <cmath>

namespace flopwatt::daemon {

void Sum::add(double value) {
  const double sum = sum_ + value;
  const double lost =
      lost_ + (std::abs(sum_) >= std::abs(value) ? (sum_ - sum) + value : (value - sum) + sum_);
  if (!std::isfinite(sum + lost)) return;
  sum_ = sum;
  lost_ = lost;
}

}  // namespace flopwatt::daemon
