// Stretches of monotonic time, and the covered part of a window.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <span>

namespace flopwatt::accounting {

/// Microseconds as seconds.
[[nodiscard]] constexpr double seconds(std::int64_t microseconds) {
  return static_cast<double>(microseconds) * 1e-6;
}

/// [begin, end) on the monotonic clock, in microseconds.
struct TimeSpan {
  std::int64_t begin_us = 0;
  std::int64_t end_us = 0;

  [[nodiscard]] std::int64_t length_us() const { return end_us - begin_us; }
  bool operator==(const TimeSpan&) const = default;
};

/// A window of which all is known has one part and no gap: the first few cost no allocation.
using TimeSpans = boost::container::small_vector<TimeSpan, 4>;

/// The parts of `window` outside all gaps: ascending, disjoint, none empty. Sorts `gaps`, which may overlap.
[[nodiscard]] TimeSpans without_gaps(TimeSpan window, TimeSpans& gaps);

/// The time that lies in one of `some` and in one of `others`. Sorts both, each of which may overlap.
[[nodiscard]] TimeSpans common_time(TimeSpans& some, TimeSpans& others);

[[nodiscard]] std::int64_t total_us(std::span<const TimeSpan> spans);

}  // namespace flopwatt::accounting
