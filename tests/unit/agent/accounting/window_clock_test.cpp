#include "agent/accounting/window_clock.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t one_second = 1'000'000;
constexpr std::int64_t hour = 1'800'000'000 * one_second;  // a full hour of UTC

Moment moment(double wall_s, double monotonic_s) {
  return {hour + static_cast<std::int64_t>(wall_s * 1e6), static_cast<std::int64_t>(monotonic_s * 1e6)};
}

}  // namespace

TEST_CASE("windows close once each, aligned to UTC") {
  WindowClock clock({{"1m", 60s}, {"15m", 900s}});
  std::vector<ClosedWindow> all;
  for (int i = 0; i <= 2000; ++i)
    for (const ClosedWindow& one : clock.advance(moment(10.3 + i, 500 + i))) all.push_back(one);
  int minutes = 0;
  int quarters = 0;
  for (const ClosedWindow& one : all) {
    const std::int64_t length = one.window == 0 ? 60 * one_second : 900 * one_second;
    int& count = one.window == 0 ? minutes : quarters;
    ++count;
    CHECK(one.end.wall_us == hour + count * length);
    CHECK(one.span.length_us() == length);
    CHECK(one.end.monotonic_us == one.end.wall_us - hour + 489'700'000);
  }
  CHECK(minutes == 33);
  CHECK(quarters == 2);
}

TEST_CASE("a step of the wall clock leaves out the window in which it falls and no other") {
  for (const double step : {90.0, -90.0, 20.0, -20.0, 0.7, -0.7, 7200.0}) {
    CAPTURE(step);
    WindowClock clock({{"1m", 60s}});
    std::vector<ClosedWindow> all;
    for (int i = 0; i < 600; ++i) {
      const double wall = 0.5 + i + (i >= 150 ? step : 0);
      for (const ClosedWindow& one : clock.advance(moment(wall, 100 + i))) all.push_back(one);
    }
    for (const ClosedWindow& one : all) {
      CHECK(one.span.length_us() == 60 * one_second);
      CHECK(one.end.wall_us % (60 * one_second) == 0);
      // None spans the step at 250 s.
      CHECK((one.span.end_us <= 250 * one_second || one.span.begin_us >= 249 * one_second));
    }
    CHECK(all.size() >= 8);
    CHECK(all.size() <= 9);
  }
}

TEST_CASE("a clock that is slewed by little steps does not close a window of the wrong length") {
  WindowClock clock({{"1m", 60s}});
  for (int i = 0; i < 600; ++i)
    for (const ClosedWindow& one : clock.advance(moment(i * 1.01, 100 + i)))
      CHECK(one.span.length_us() == doctest::Approx(60e6).epsilon(0.0084));
}

TEST_CASE("after a long pause a bounded number of windows closes") {
  WindowClock clock({{"1s", 1s}});
  (void)clock.advance(moment(0.5, 0.5));
  const auto closed = clock.advance(moment(100'000.5, 100'000.5));
  CHECK(closed.size() == 1024);
  CHECK(closed.back().end.wall_us == hour + 100'000 * one_second);
}
