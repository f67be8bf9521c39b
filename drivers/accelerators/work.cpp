#include "drivers/accelerators/work.h"

#include <algorithm>
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

std::string_view beyond_peak(const Work& work, double seconds, const Product& product) {
  constexpr double tolerance = 1.05;
  for (const WorkPart& part : work.parts) {
    const std::string_view precision = precision_name(part.precision);
    const auto peak = product.peak_flop_per_second.find(std::string(precision));
    if (peak != product.peak_flop_per_second.end() && part.flop > tolerance * peak->second * seconds)
      return precision;
  }
  return "";
}

}  // namespace flopwatt::accelerators
