#include "drivers/accelerators/estimated_work.h"

#include <algorithm>
#include <string>

#include "readings/precision.h"
#include "readings/reading_set.h"

namespace flopwatt::accelerators {

std::optional<EstimateRates> estimate_rates(const Product* product, Place configured) {
  if (product == nullptr) return std::nullopt;
  const auto assumed = product->peak_flop_per_second.find(std::string(label_of(configured)));
  if (assumed == product->peak_flop_per_second.end()) return std::nullopt;
  EstimateRates rates{flopwatt::assumed(configured), assumed->second, assumed->second, assumed->second};
  for (const auto& [precision, rate] : product->peak_flop_per_second) {
    if (!precision.starts_with("fp") && !precision.starts_with("bf") && !precision.starts_with("tf"))
      continue;
    rates.low = std::min(rates.low, rate);
    rates.high = std::max(rates.high, rate);
  }
  return rates;
}

std::optional<Work> estimated_work(const EstimateRates& rates, double utilization, double seconds) {
  if (!is_known(utilization) || !(seconds > 0)) return std::nullopt;
  const double busy = utilization * seconds;
  return Work{
      .parts = {{rates.precision, rates.assumed * busy}}, .low = rates.low * busy, .high = rates.high * busy};
}

}  // namespace flopwatt::accelerators
