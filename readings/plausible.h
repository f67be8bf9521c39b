// What a measured value can be. A number outside of it is no measurement: a wrong type or word order, a
// device that fills unused registers, a sensor's fault. Drivers make it `absent`, so that it is neither
// published nor accounted, however often the device repeats it. The ranges are far wider than what any site
// has, and the same for every place of a quantity.
#pragma once

#include <string>
#include <string_view>

#include "readings/quantity.h"

namespace flopwatt {

/// Both ends included; in the held unit of the quantity (W, V, Wh ...).
struct PlausibleRange {
  double low = 0, high = 0;
};

/// Infinite at both ends for what the agent computes itself (work, figures of scopes and windows).
[[nodiscard]] PlausibleRange plausible_range(Quantity quantity);

/// False for NaN and infinity, too.
[[nodiscard]] bool is_plausible(Quantity quantity, double value);

/// For messages: "3.4e+38 W, which is beyond what any site has (-1e+09 to 1e+09 W)". `unit`: the held one.
[[nodiscard]] std::string beyond_plausible(Quantity quantity, double value, std::string_view unit);

}  // namespace flopwatt
