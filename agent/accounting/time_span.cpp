#include "agent/accounting/time_span.h"

#include <algorithm>

namespace flopwatt::accounting {

TimeSpans without_gaps(TimeSpan window, TimeSpans& gaps) {
  std::ranges::sort(gaps, {}, &TimeSpan::begin_us);
  TimeSpans covered;
  std::int64_t reached = window.begin_us;
  for (const TimeSpan& gap : gaps) {
    if (gap.length_us() <= 0) continue;
    const std::int64_t until = std::min(gap.begin_us, window.end_us);
    if (until > reached) covered.push_back({reached, until});
    reached = std::max(reached, gap.end_us);
  }
  if (reached < window.end_us) covered.push_back({reached, window.end_us});
  return covered;
}

TimeSpans common_time(TimeSpans& some, TimeSpans& others) {
  TimeSpans common;
  const auto united = [](TimeSpans& spans) {
    std::ranges::sort(spans, {}, &TimeSpan::begin_us);
    TimeSpans disjoint;
    for (const TimeSpan& span : spans) {
      if (span.length_us() <= 0) continue;
      if (disjoint.empty() || disjoint.back().end_us < span.begin_us)
        disjoint.push_back(span);
      else
        disjoint.back().end_us = std::max(disjoint.back().end_us, span.end_us);
    }
    return disjoint;
  };
  const auto left = united(some);
  const auto right = united(others);
  for (std::size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    const TimeSpan both{std::max(left[i].begin_us, right[j].begin_us),
                        std::min(left[i].end_us, right[j].end_us)};
    if (both.length_us() > 0) common.push_back(both);
    if (left[i].end_us < right[j].end_us)
      ++i;
    else
      ++j;
  }
  return common;
}

std::int64_t total_us(std::span<const TimeSpan> spans) {
  std::int64_t sum = 0;
  for (const TimeSpan& span : spans) sum += span.length_us();
  return sum;
}

}  // namespace flopwatt::accounting
