#include "agent/accounting/counted_work.h"

#include <algorithm>
#include <cmath>

#include "readings/reading_set.h"

namespace flopwatt::accounting {
namespace {

constexpr double lump_memory_s = 900;
constexpr double fewest_lumps = 3;
constexpr double few_lumps = 10;

}  // namespace

double CountedWork::add(std::int64_t time_us, double work, double time_variance, const Retention& retention) {
  const std::int64_t since_us = newest_us_ == 0 ? time_us : newest_us_;
  newest_us_ = time_us;
  time_variance_.observe(time_variance);
  offered_ = std::isfinite(work);
  if (!offered_) return 0;

  const double growth = last_ ? std::max(0.0, work - *last_) : 0;
  const bool is_continued = last_ && time_us - since_us <= longest_gap_us_;
  last_ = work;
  follow_lumps(growth, since_us);
  // What lies between the end of counting and the reading before this one stays unknown.
  if (is_continued && (track_.empty() || track_.last_us() < since_us))
    track_.append(since_us, {}, tag_gap, retention);
  track_.append(time_us, {growth}, is_continued ? tag_known : tag_gap, retention);
  return growth;
}

void CountedWork::follow_lumps(double growth, std::int64_t since_us) {
  lump_ = std::max(growth, lump_ * std::exp(-seconds(newest_us_ - since_us) / lump_memory_s));
}

WorkPart CountedWork::part(std::span<const TimeSpan> covered) const {
  WorkPart part;
  part.work = part.low = part.high = track_.growth(covered)[0];
  part.sampling_variance = track_.cut_variance(covered);
  const auto stretches = static_cast<double>(covered.size());
  const double lumps = lump_ > 0 ? part.work / (lump_ * stretches) : few_lumps;
  if (lumps < fewest_lumps)
    part.lump_variance = part.work * part.work;
  else
    part.lump_variance = stretches * lump_ * lump_ / (lumps < few_lumps ? 3 : 6);
  part.time_variance = time_variance_.of(part.work, covered);
  return part;
}

}  // namespace flopwatt::accounting
