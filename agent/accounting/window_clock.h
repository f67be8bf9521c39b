// Ends of windows. Windows are aligned to UTC (start = k x length since 1970), but run on the monotonic
// clock, on which sources are accounted. Both clocks at the moment when a boundary is passed fix the
// monotonic time of the boundary.
//
// A step of the wall clock (wall minus monotonic moves by more than half a second, at once or over one
// window) makes the window in which it falls longer or shorter than its label: that window does not close.
// The next window begins at the next boundary of the new clock. After a step back, labels of earlier windows
// come a second time, for another time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/accounting/time_span.h"
#include "config/config.h"
#include "readings/reading_set.h"

namespace flopwatt::accounting {

struct ClosedWindow {
  std::size_t window = 0;  ///< index among the configured ones
  TimeSpan span;           ///< monotonic
  Moment end;
};

class WindowClock {
 public:
  explicit WindowClock(const std::vector<Window>& windows);

  /// The first call of advance() begins with the windows that contain this moment, if it is before `now`: of an
  /// earlier run.
  void begin_at(std::int64_t wall_us) { first_wall_us_ = wall_us; }

  /// Windows that have ended by `now` since the last call, ascending for each length. At most 1,024 of a
  /// length: after a longer pause the newest.
  [[nodiscard]] std::vector<ClosedWindow> advance(Moment now);

  /// Monotonic starts of the open windows, and of the windows that closed last.
  [[nodiscard]] const std::vector<std::int64_t>& starts_us() const { return starts_us_; }

 private:
  struct Open {
    std::int64_t length_us = 0;
    Moment start;
    std::int64_t earlier_start_us = 0;
  };
  void close_passed(std::size_t window, Moment now, std::vector<ClosedWindow>& closed);

  std::vector<Open> open_;
  std::vector<std::int64_t> starts_us_;
  std::optional<std::int64_t> first_wall_us_;
  std::optional<std::int64_t> offset_us_;  // wall minus monotonic at the last call
};

}  // namespace flopwatt::accounting
