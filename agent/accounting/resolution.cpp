#include "agent/accounting/resolution.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flopwatt::accounting {

double Resolution::at(double value) const {
  const double size = std::abs(scale);
  if (wire == Wire::f32) {
    const auto raw = static_cast<float>(std::abs(value) / size);
    const float next = std::nextafter(raw, std::numeric_limits<float>::infinity());
    return std::max(coarsest, (static_cast<double>(next) - static_cast<double>(raw)) * size);
  }
  if (wire == Wire::f64) {
    const double raw = std::abs(value) / size;
    return std::max(coarsest, (std::nextafter(raw, std::numeric_limits<double>::infinity()) - raw) * size);
  }
  return std::max(coarsest, size);
}

Resolution resolution_of(const Field& field, double factor) {
  return {field.wire, field.scale * factor, field.resolution * factor};
}

}  // namespace flopwatt::accounting
