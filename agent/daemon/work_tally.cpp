#include "agent/daemon/work_tally.h"

#include <algorithm>

namespace flopwatt::daemon {

void WorkTally::count(const WorkLine& line) {
  auto found = std::ranges::find(precisions_, line.precision, &OfPrecision::precision);
  if (found == precisions_.end()) found = precisions_.insert(found, {line.precision, {}});
  found->flop.add(line.flop);
  total_.add(line.flop);
  times_.count(line.flop, line.since_us, line.now_us);
}

void WorkTally::append_fields(std::vector<Field>& fields) const {
  if (precisions_.empty()) return;
  const bool is_model = kind_ == WorkKind::model;
  const auto add = [&](Quantity quantity, Place place) {
    fields.push_back({.channel = {.quantity = quantity, .place = place}, .wire = Wire::f64});
  };
  const Quantity work = is_model ? Quantity::model_work : Quantity::counted_work;
  for (const OfPrecision& one : precisions_) add(work, one.precision);
  add(work, Place::whole);
  add(is_model ? Quantity::model_work_told : Quantity::counted_work_told, Place::whole);
  add(is_model ? Quantity::model_work_age : Quantity::counted_work_age, Place::whole);
}

void WorkTally::append_values(std::vector<double>& values, std::int64_t time_us) const {
  if (precisions_.empty()) return;
  for (const OfPrecision& one : precisions_) values.push_back(one.flop.value());
  values.push_back(total());
  const LineTimes::Told& told = times_.told();
  values.push_back(told.is_known ? told.flop : absent);
  values.push_back(static_cast<double>(time_us - told.reached_us) * 1e-6);
}

}  // namespace flopwatt::daemon
