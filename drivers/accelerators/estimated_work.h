// Work by method `estimated`: what the device could have done in the time in which it was busy. Pure.
//
//   FLOP = utilization x dense peak of the product x dt
//
// utilization: the device's share of time in which at least one kernel ran, as of the end of dt; peak: of the
// product's data sheet at the configured tensor precision, between the lowest and the highest of its float
// precisions. The figure is an upper bound: a kernel that runs may keep only a part of the device busy,
// and utilization does not say how much.
#pragma once

#include <optional>

#include "config/accelerator_table.h"
#include "drivers/accelerators/work.h"

namespace flopwatt::accelerators {

/// Dense peaks in FLOP/s: `assumed` at `precision`, and the bounds over all float precisions.
struct EstimateRates {
  Place precision{};
  double assumed = 0, low = 0, high = 0;
};

/// nullopt where the product, or its peak at the configured precision, is not known.
[[nodiscard]] std::optional<EstimateRates> estimate_rates(const Product* product, Place configured);

/// Work of one interval, all of it at the assumed precision; nullopt where the utilization (0..1) is unknown.
[[nodiscard]] std::optional<Work> estimated_work(const EstimateRates& rates, double utilization,
                                                 double seconds);

}  // namespace flopwatt::accelerators
