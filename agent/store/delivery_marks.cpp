#include "agent/store/delivery_marks.h"

#include <algorithm>

namespace flopwatt::store {
namespace {

/// Whether `next`, which does not begin before `run`, overlaps it or follows it without a
/// hole. (next.first > 0.)
bool continues(const Span& run, const Span& next) { return next.first - 1 <= run.last; }

}  // namespace

DeliveryMarks::DeliveryMarks(std::uint64_t low, const std::vector<Span>& ranges) : low_(low) {
  std::uint64_t end = low;
  for (const Span& range : ranges) {
    if (range.empty() || range.first <= end || !add(range)) continue;
    end = range.last;
  }
}

bool DeliveryMarks::add(Span delivered) {
  if (delivered.empty() || delivered.last <= low_) return true;
  delivered.first = std::max(delivered.first, low_ + 1);

  // The ranges that overlap or touch it lie side by side: they and the new one become one.
  const auto first = std::ranges::find_if(ranges_, [&](const Span& range) {
    return range.first > delivered.first || continues(range, delivered);
  });
  auto last = first;
  Span merged = delivered;
  while (last != ranges_.end() && continues(merged, *last)) {
    merged = {std::min(merged.first, last->first), std::max(merged.last, last->last)};
    ++last;
  }
  const bool joins_low = merged.first - 1 == low_;
  if (first == last && !joins_low && ranges_.size() == max_ranges) return false;
  ranges_.insert(ranges_.erase(first, last), merged);
  absorb();
  return true;
}

void DeliveryMarks::raise_low(std::uint64_t seq) {
  low_ = std::max(low_, seq);
  absorb();
}

bool DeliveryMarks::contains(std::uint64_t seq) const {
  if (seq <= low_) return true;
  const auto range = std::ranges::lower_bound(ranges_, seq, {}, &Span::last);
  return range != ranges_.end() && range->first <= seq;
}

std::optional<Span> DeliveryMarks::first_gap(std::uint64_t from, std::uint64_t last) const {
  if (last <= low_) return std::nullopt;
  from = std::max(from, low_ + 1);
  auto range = std::ranges::lower_bound(ranges_, from, {}, &Span::last);
  if (range != ranges_.end() && range->first <= from) {
    if (range->last >= last) return std::nullopt;
    from = range->last + 1;
    ++range;
  }
  if (from > last) return std::nullopt;
  return Span{from, range == ranges_.end() ? last : std::min(last, range->first - 1)};
}

void DeliveryMarks::absorb() {
  auto range = ranges_.begin();
  while (range != ranges_.end() && range->first - 1 <= low_) {
    low_ = std::max(low_, range->last);
    ++range;
  }
  ranges_.erase(ranges_.begin(), range);
}

}  // namespace flopwatt::store
