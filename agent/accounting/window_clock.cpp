#include "agent/accounting/window_clock.h"

#include <algorithm>
#include <cstdlib>

namespace flopwatt::accounting {
namespace {

constexpr std::int64_t step_us = 500'000;
constexpr std::int64_t most_at_once = 1024;

std::int64_t boundary_before(std::int64_t wall_us, std::int64_t length_us) {
  const std::int64_t rest = wall_us % length_us;
  return wall_us - (rest < 0 ? rest + length_us : rest);
}

}  // namespace

WindowClock::WindowClock(const std::vector<Window>& windows) {
  for (const Window& window : windows) open_.push_back({window.length.count(), {}, 0});
}

std::vector<ClosedWindow> WindowClock::advance(Moment now) {
  const std::int64_t offset_us = now.wall_us - now.monotonic_us;
  const bool is_first = !offset_us_;
  const bool stepped = offset_us_ && std::abs(offset_us - *offset_us_) > step_us;
  offset_us_ = offset_us;
  std::vector<ClosedWindow> closed;
  starts_us_.clear();
  for (std::size_t i = 0; i < open_.size(); ++i) {
    Open& open = open_[i];
    if (is_first || stepped) {
      // The first one began before the agent did: it closes, with the coverage it has.
      const std::int64_t wall_us =
          stepped
              ? boundary_before(now.wall_us, open.length_us) + open.length_us
              : boundary_before(std::min(now.wall_us, first_wall_us_.value_or(now.wall_us)), open.length_us);
      open.start = {wall_us, wall_us - offset_us};
      open.earlier_start_us = open.start.monotonic_us;
    }
    close_passed(i, now, closed);
    starts_us_.push_back(open.start.monotonic_us);
    starts_us_.push_back(open.earlier_start_us);
  }
  return closed;
}

void WindowClock::close_passed(std::size_t window, Moment now, std::vector<ClosedWindow>& closed) {
  Open& open = open_[window];
  const std::int64_t passed = (now.wall_us - open.start.wall_us) / open.length_us;
  if (passed > most_at_once) {
    const std::int64_t skipped_us = (passed - most_at_once) * open.length_us;
    open.start.wall_us += skipped_us;
    open.start.monotonic_us += skipped_us;
  }
  while (now.wall_us >= open.start.wall_us + open.length_us) {
    const std::int64_t wall_us = open.start.wall_us + open.length_us;
    const Moment end{wall_us, wall_us - *offset_us_};
    const TimeSpan span{open.start.monotonic_us, end.monotonic_us};
    if (std::abs(span.length_us() - open.length_us) <= step_us && span.length_us() > 0)
      closed.push_back({window, span, end});
    open.earlier_start_us = open.start.monotonic_us;
    open.start = end;
  }
}

}  // namespace flopwatt::accounting
