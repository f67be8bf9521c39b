#include "agent/accounting/resolution.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace flopwatt::accounting {

double Resolution::at(double value) const { return std::max({of_type(value), coarsest, learned}); }

double Resolution::of_type(double value) const {
  const double size = std::abs(scale);
  if (wire == Wire::f32) {
    const auto raw = static_cast<float>(std::abs(value) / size);
    const float next = std::nextafter(raw, std::numeric_limits<float>::infinity());
    return (static_cast<double>(next) - static_cast<double>(raw)) * size;
  }
  if (wire == Wire::f64) {
    const double raw = std::abs(value) / size;
    return (std::nextafter(raw, std::numeric_limits<double>::infinity()) - raw) * size;
  }
  return size;
}

Resolution resolution_of(const Field& field, double factor) {
  return {field.wire, field.scale * factor, field.resolution * factor, 0};
}

}  // namespace flopwatt::accounting
