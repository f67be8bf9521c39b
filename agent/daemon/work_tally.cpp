#include "agent/daemon/work_tally.h"

#include <algorithm>
#include <cmath>

namespace flopwatt::daemon {

void Sum::add(double value) {
  const double sum = sum_ + value;
  const double lost =
      lost_ + (std::abs(sum_) >= std::abs(value) ? (sum_ - sum) + value : (value - sum) + sum_);
  if (!std::isfinite(sum + lost)) return;
  sum_ = sum;
  lost_ = lost;
}

void WorkTally::count(Place precision, double flop) {
  auto found = std::ranges::find(precisions_, precision, &OfPrecision::precision);
  if (found == precisions_.end()) found = precisions_.insert(found, {precision, {}});
  found->flop.add(flop);
  total_.add(flop);
  offered_ = true;
  busy_us_ = 0;
}

void WorkTally::add_busy(std::int64_t from_us, std::int64_t until_us) {
  busy_us_ += std::max<std::int64_t>(0, until_us - std::max(from_us, busy_until_us_));
  busy_until_us_ = std::max(busy_until_us_, until_us);
  if (std::chrono::microseconds(busy_us_) > longest_busy_silence) offered_ = false;
}

void WorkTally::append_fields(std::vector<Field>& fields) const {
  if (precisions_.empty()) return;
  const auto field = [](Place place) {
    return Field{.channel = {.quantity = Quantity::counted_work, .place = place}, .wire = Wire::f64};
  };
  for (const OfPrecision& one : precisions_) fields.push_back(field(one.precision));
  fields.push_back(field(Place::whole));
}

void WorkTally::append_values(std::vector<double>& values) const {
  if (precisions_.empty()) return;
  for (const OfPrecision& one : precisions_) values.push_back(offered_ ? one.flop.value() : absent);
  values.push_back(total());
}

}  // namespace flopwatt::daemon
