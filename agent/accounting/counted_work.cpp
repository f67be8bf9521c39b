#include "agent/accounting/counted_work.h"

#include <algorithm>
#include <cmath>

#include "readings/reading_set.h"

namespace flopwatt::accounting {
namespace {

constexpr double lump_memory_s = 900;
constexpr double fewest_lumps = 3;
constexpr double few_lumps = 10;

// A total that fell began again at 0.
double growth_since(std::optional<double> before, double now) {
  if (!before) return 0;
  return now < *before ? now : now - *before;
}

}  // namespace

double CountedWork::add(const CountedReading& reading, const Retention& retention) {
  tell(reading, retention);
  newest_us_ = reading.time_us;
  time_variance_.observe(reading.time_variance);
  if (!std::isfinite(reading.work)) return 0;
  const double growth = growth_since(last_, reading.work);
  last_ = reading.work;
  if (heard_us_ == 0 || growth > 0) heard_us_ = reading.time_us;
  return growth;
}

void CountedWork::tell(const CountedReading& reading, const Retention& retention) {
  offered_ = std::isfinite(reading.told);
  if (reading.told_us <= told_us_) return;
  // Where the moment is that of the reading, readings that were missed are a gap.
  const bool is_of_reading = reading.told_us == reading.time_us;
  const std::int64_t since_us = told_us_ != 0 ? told_us_ : reading.told_us;
  const bool is_continued = !is_of_reading || reading.told_us - newest_us_ <= longest_gap_us_;
  told_us_ = reading.told_us;
  if (!offered_) {
    track_.append(told_us_, {}, tag_gap, retention);
    return;
  }
  const double growth = growth_since(last_told_, reading.told);
  const bool is_known = last_told_ && is_continued;
  last_told_ = reading.told;
  follow_lumps(growth, since_us);
  track_.append(told_us_, {growth}, is_known ? tag_known : tag_gap, retention);
}

void CountedWork::follow_lumps(double growth, std::int64_t since_us) {
  lump_ = std::max(growth, lump_ * std::exp(-seconds(told_us_ - since_us) / lump_memory_s));
}

WorkPart CountedWork::part(std::span<const TimeSpan> covered) const {
  WorkPart part;
  if (track_.empty()) return part;
  part.work = part.low = part.high = track_.growth(covered)[0];
  part.sampling_variance = track_.cut_variance(covered);
  const auto stretches = static_cast<double>(covered.size());
  const double lumps = lump_ > 0 ? part.work / (lump_ * stretches) : few_lumps;
  part.has_few_lumps = part.work > 0 && lumps < fewest_lumps;
  if (part.has_few_lumps)
    part.lump_variance = part.work * part.work;
  else
    part.lump_variance = stretches * lump_ * lump_ / (lumps < few_lumps ? 3 : 6);
  part.time_variance = time_variance_.of(part.work, covered);
  return part;
}

}  // namespace flopwatt::accounting
