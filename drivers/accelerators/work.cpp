#include "drivers/accelerators/work.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "readings/precision.h"

namespace flopwatt::accelerators {

double Work::total() const {
  double sum = 0;
  for (const WorkPart& part : parts) sum += part.flop;
  return sum;
}

double Work::of(Place precision) const {
  const auto found = std::ranges::find(parts, precision, &WorkPart::precision);
  return found == parts.end() ? 0 : found->flop;
}

bool Work::is_finite() const {
  return std::isfinite(total()) && std::isfinite(low) && std::isfinite(high) && std::isfinite(spread);
}

Work& Work::operator+=(const Work& other) {
  for (const WorkPart& part : other.parts) {
    const auto mine = std::ranges::find(parts, part.precision, &WorkPart::precision);
    if (mine == parts.end())
      parts.push_back(part);
    else
      mine->flop += part.flop;
  }
  low += other.low;
  high += other.high;
  spread += other.spread;
  return *this;
}

Peaks peaks_of(const Product& product, std::span<const Place> precisions) {
  Peaks peaks;
  for (const Place precision : precisions) {
    const auto peak = product.peak_flop_per_second.find(std::string(precision_name(precision)));
    if (peak != product.peak_flop_per_second.end()) peaks.emplace_back(precision, peak->second);
  }
  return peaks;
}

std::optional<Place> beyond_peak(const Work& work, double seconds, const Peaks& peaks) {
  constexpr double tolerance = 1.05;
  for (const auto& [precision, peak] : peaks)
    if (work.of(precision) > tolerance * peak * seconds) return precision;
  return std::nullopt;
}

}  // namespace flopwatt::accelerators
