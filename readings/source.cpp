#include "readings/source.h"

#include <algorithm>
#include <cmath>

#include "readings/reading_set.h"

namespace flopwatt {

double held_value(double raw, double scale) {
  if (scale < 1 && scale > 0) {
    const double divisor = std::nearbyint(1 / scale);
    if (1 / divisor == scale) return raw / divisor;
  }
  return raw * scale;
}

std::optional<std::size_t> Source::index_of(Channel channel) const {
  const auto found = std::ranges::find(fields, channel, &Field::channel);
  if (found == fields.end()) return std::nullopt;
  return static_cast<std::size_t>(found - fields.begin());
}

std::chrono::microseconds Source::stale_after() const {
  using namespace std::chrono_literals;
  return std::max<std::chrono::microseconds>(3 * effective_period, 5s);
}

std::size_t ReadingSet::known_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(values, is_known));
}

}  // namespace flopwatt
