// The work that a target can have done: a bucket that fills at the target's dense peak, holds 10 minutes of
// it and starts full. If the peak is unknown, the bound of the agent takes its place; a target with neither
// takes no work. What hardware has done and what a model needs have a bucket each. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "drivers/work_intake.h"

namespace flopwatt::work {

inline constexpr double budget_seconds = 600;  ///< of the dense peak

class Budgets {
 public:
  /// Takes `flop` out of the target's bucket. False: the bucket holds less, and
  /// stays unchanged. `now_us`: monotonic.
  [[nodiscard]] bool take(const WorkTarget& target, WorkKind kind, double flop, std::int64_t now_us);

 private:
  /// In seconds of the peak, because the peak may change or become known at any time.
  struct Bucket {
    double seconds = budget_seconds;
    std::int64_t filled_us = 0;
  };

  std::array<std::array<std::vector<Bucket>, 2>, 2> buckets_;  // accelerators', scopes'; by kind; by id
};

}  // namespace flopwatt::work
