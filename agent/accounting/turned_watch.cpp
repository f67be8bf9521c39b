#include "agent/accounting/turned_watch.h"

#include "agent/accounting/time_span.h"

namespace flopwatt::accounting {
namespace {

using Which = TurnedTransformers::Which;

constexpr double least_turned_s = 60;
constexpr int least_sets = 3;
constexpr double generation_s = 3600;

double at(const ReadingSet& set, std::optional<std::size_t> column) {
  return column && *column < set.values.size() ? set.values[*column] : absent;
}

}  // namespace

void TurnedWatch::describe(const Source& source, std::uint16_t branch) {
  whole_ = import_ = export_ = std::nullopt;
  phases_ = {};
  if (source.kind != SourceKind::meter) return;
  told_.is_branch = branch != 0;
  const Place place = branch == 0 ? Place::whole : Place::branch;
  whole_ = source.index_of({Quantity::active_power, place, branch});
  import_ = source.index_of({Quantity::energy_import, place, branch});
  if (branch != 0) return;
  export_ = source.index_of({Quantity::energy_export});
  phases_ = {source.index_of({Quantity::active_power, Place::l1}),
             source.index_of({Quantity::active_power, Place::l2}),
             source.index_of({Quantity::active_power, Place::l3})};
}

void TurnedWatch::add(const ReadingSet& set) {
  const MeterPowers powers{at(set, whole_), {at(set, phases_[0]), at(set, phases_[1]), at(set, phases_[2])}};
  const TurnedTransformers seen = turned_by(powers);
  if (seen.which == Which::unclear) return;
  const std::int64_t time_us = set.time.monotonic_us;
  if (seen.which == Which::none) {
    was_upright_ = true;
    upright_us_ = time_us;
  }
  const bool imports = at(set, import_) > import_at_first_;  // false where one is unknown
  if (seen != candidate_ || (seen.which == Which::all && imports)) begin(seen, set);
  ++sets_;
  if (!is_sure(time_us)) return;
  told_.turned = candidate_;
  told_.powers = powers;
  told_.import_is_still = import_.has_value() && is_known(import_at_first_) && !imports;
  told_.export_grows = at(set, export_) > export_at_first_;
}

void TurnedWatch::begin(const TurnedTransformers& seen, const ReadingSet& set) {
  candidate_ = seen;
  since_us_ = set.time.monotonic_us;
  sets_ = 0;
  import_at_first_ = at(set, import_);
  export_at_first_ = at(set, export_);
  told_.turned = {};
}

bool TurnedWatch::is_sure(std::int64_t time_us) const {
  if (!candidate_.is_any() || sets_ < least_sets || seconds(time_us - since_us_) < least_turned_s)
    return false;
  return candidate_.which != Which::all || !was_upright_ || seconds(time_us - upright_us_) > generation_s;
}

}  // namespace flopwatt::accounting
