// The cumulative work of one accelerator, and whether its count is unbroken. Pure.
//
// Accounting takes the difference of two consecutive sets that both have work as the work between them. So
// after an interval whose work is not known, the next count must be absent once, although counting goes on.
#pragma once

#include <optional>

#include "drivers/accelerators/work.h"

namespace flopwatt::accelerators {

class WorkCounter {
 public:
  /// What the next reading tells: the work since the reading before (unknown: nullopt, or not finite) and
  /// whether a sample was taken, so that the work until the next reading can be known. Returns the count at
  /// this reading, in FLOP since the counter was made, valid until the next call; nullptr where it does not
  /// continue that of the reading before.
  const Work* advance(const std::optional<Work>& increment, bool sampled);

 private:
  Work total_;
  bool started_ = false;  ///< a count was given out
};

}  // namespace flopwatt::accelerators
