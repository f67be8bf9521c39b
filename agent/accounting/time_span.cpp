#include "agent/accounting/time_span.h"

#include <algorithm>

namespace flopwatt::accounting {

std::vector<TimeSpan> without_gaps(TimeSpan window, std::vector<TimeSpan>& gaps) {
  std::ranges::sort(gaps, {}, &TimeSpan::begin_us);
  std::vector<TimeSpan> covered;
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

std::int64_t total_us(std::span<const TimeSpan> spans) {
  std::int64_t sum = 0;
  for (const TimeSpan& span : spans) sum += span.length_us();
  return sum;
}

}  // namespace flopwatt::accounting
