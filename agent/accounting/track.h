// Cumulative quantities of one source as piecewise-linear functions of monotonic time,
// over the longest window.
//
// A stretch between two points is either known, with a tag for its kind (the method of work), or a gap (tag
// 0), in which the sums stand still. Old points are thinned out: two neighbours that together span at most
// 1/128 of their age are merged. So the size grows with the logarithm of the window (15 m at 1 s: under 600
// points; a week: under 2,500), and the far end of a window is still cut to within 1 % of its length.
// cut_variance() states the error of merging. Nothing is merged around moments that will be cut exactly, the
// starts of open windows.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/accounting/time_span.h"

namespace flopwatt::accounting {

/// What tracks must keep.
struct Retention {
  std::int64_t longest_us = 0;         ///< length of the longest window
  std::vector<std::int64_t> exact_us;  ///< moments around which nothing is merged
};

/// Tags of a series that tells no kinds apart.
inline constexpr std::uint8_t tag_gap = 0;
inline constexpr std::uint8_t tag_known = 1;
/// Growth over a gap in the readings: known as a whole, not how it came about. A gap where a window cuts it.
inline constexpr std::uint8_t tag_bridged = 2;
/// Growth over a span that is known as a whole, and whose course another measurement tells; of two such spans that
/// follow each other each has a tag of its own.
inline constexpr std::uint8_t tag_spread = 3, tag_spread_next = 4;

/// Per second.
struct RateRange {
  double lowest = 0, highest = 0;
};

/// Bit n is set where a stretch has tag n.
using TagSet = unsigned;

template <std::size_t Columns>
class Track {
 public:
  using Sums = std::array<double, Columns>;

  [[nodiscard]] bool empty() const { return points_.empty(); }
  [[nodiscard]] std::size_t size() const { return points_.size(); }
  [[nodiscard]] std::int64_t last_us() const { return points_.back().time_us(); }

  /// Appends the stretch from the last point to time_us; the first call sets the first point. `tag`: 1 to 7,
  /// or 0 for a gap.
  void append(std::int64_t time_us, const Sums& growth, std::uint8_t tag, const Retention& retention) {
    if (points_.empty()) {
      points_.reserve(64);
      points_.push_back(Point::make(time_us, {}, 0));
      return;
    }
    if (time_us <= last_us()) return;
    Sums sums = points_.back().sums;
    if (tag != 0)
      for (std::size_t i = 0; i < Columns; ++i) sums[i] += growth[i];
    if (tag == 0 && points_.size() > 1 && points_.back().tag() == 0) points_.pop_back();  // the gap grows
    make_room(time_us, retention);
    points_.push_back(Point::make(time_us, sums, tag));
    tags_ |= 1U << tag;
  }

  /// Adds the unknown stretches of `window` to `gaps`. Returns the tags of the known stretches.
  TagSet add_gaps(TimeSpan window, TimeSpans& gaps) const {
    if (points_.empty()) {
      gaps.push_back(window);
      return 0;
    }
    TagSet tags = 0;
    std::int64_t from = points_.front().time_us();
    if (from > window.begin_us) gaps.push_back({window.begin_us, from});
    if (last_us() < window.end_us) gaps.push_back({last_us(), window.end_us});
    if (std::has_single_bit(tags_) &&
        (tags_ & ~(1U << tag_bridged | 1U)) != 0)  // nearly always: all of one kind, nothing to search for
      return from < window.end_us && last_us() > window.begin_us ? tags_ : 0;
    for (std::size_t i = std::max<std::size_t>(1, segment_of(window.begin_us)); i < points_.size(); ++i) {
      from = points_[i - 1].time_us();
      if (from >= window.end_us) break;
      if (points_[i].time_us() <= window.begin_us) continue;
      const bool is_cut = from < window.begin_us || points_[i].time_us() > window.end_us;
      if (points_[i].tag() == 0 || (points_[i].tag() == tag_bridged && is_cut))
        gaps.push_back({from, points_[i].time_us()});
      else
        tags |= 1U << points_[i].tag();
    }
    return tags;
  }

  /// The sums at a moment, linear between points. Not to be called while there is no point.
  [[nodiscard]] Sums at(std::int64_t time_us) const {
    const std::size_t i = segment_of(time_us);
    if (i == 0) return points_.front().sums;
    if (i >= points_.size()) return points_.back().sums;
    const Point& left = points_[i - 1];
    const Point& right = points_[i];
    const double f =
        static_cast<double>(time_us - left.time_us()) / static_cast<double>(right.time_us() - left.time_us());
    Sums sums = left.sums;
    for (std::size_t c = 0; c < Columns; ++c) sums[c] += f * (right.sums[c] - left.sums[c]);
    return sums;
  }

  /// Growth over spans without gaps.
  [[nodiscard]] Sums growth(std::span<const TimeSpan> spans) const {
    Sums total{};
    for (const TimeSpan& span : spans) {
      const Sums begin = at(span.begin_us);
      const Sums end = at(span.end_us);
      for (std::size_t i = 0; i < Columns; ++i) total[i] += end[i] - begin[i];
    }
    return total;
  }

  /// Variance of column 0 from a cut at `time_us`, inside a stretch whose true shape is unknown. If the rate
  /// steps once by dR at a uniformly random moment of a stretch dt, the mean square error of the straight
  /// line at the fraction f is (dR dt)^2 f^2 (1-f)^2 / 3. dR is estimated from the stretches on both sides.
  [[nodiscard]] double cut_variance(std::int64_t time_us) const {
    const std::size_t i = segment_of(time_us);
    if (i == 0 || i >= points_.size()) return 0;
    const double dt = seconds(points_[i].time_us() - points_[i - 1].time_us());
    const double f = seconds(time_us - points_[i - 1].time_us()) / dt;
    const double error = rate_change(i) * dt * f * (1 - f);
    return error * error / 3;
  }

  /// Sum of the cut variances at both ends of every span.
  [[nodiscard]] double cut_variance(std::span<const TimeSpan> spans) const {
    double sum = 0;
    for (const TimeSpan& span : spans) sum += cut_variance(span.begin_us) + cut_variance(span.end_us);
    return sum;
  }

  /// The highest rate of column 0 in the stretch that holds the moment and in its neighbours.
  [[nodiscard]] double highest_rate_around(std::int64_t time_us) const {
    const std::size_t middle = segment_of(time_us);
    double highest = 0;
    for (std::size_t i = std::max<std::size_t>(middle, 2) - 1; i <= middle + 1 && i < points_.size(); ++i)
      highest = std::max(highest, rate(i));
    return highest;
  }

  /// Gives the growth over `span`, which the points inside it do not tell rightly, another course. `share`: the part
  /// of the growth that has come about by a moment, 0 to 1, ascending. Does nothing if there is a gap in the span.
  void spread(TimeSpan span, const auto& share) {
    const std::size_t first = segment_of(span.begin_us + 1);
    const std::size_t end = segment_of(span.end_us);
    if (end >= points_.size() || first > end) return;
    for (std::size_t i = first; i <= end; ++i)
      if (points_[i].tag() == tag_gap) return;
    const Sums begin = at(span.begin_us);
    const Sums whole = growth(std::array{span});
    const bool is_next = first > 0 && points_[first - 1].tag() == tag_spread;
    const std::uint8_t tag = is_next ? tag_spread_next : tag_spread;
    for (std::size_t i = first; i <= end; ++i) {
      const double part = i < end ? share(points_[i].time_us()) : 1;
      Sums sums = begin;
      for (std::size_t c = 0; c < Columns; ++c) sums[c] += part * whole[c];
      points_[i] = Point::make(points_[i].time_us(), sums, tag);
    }
    tags_ |= 1U << tag;
  }

  /// The span of spread() in which the moment lies.
  [[nodiscard]] std::optional<TimeSpan> spread_around(std::int64_t time_us) const {
    const std::size_t i = segment_of(time_us);
    if (i == 0 || i >= points_.size() || points_[i].tag() < tag_spread) return std::nullopt;
    std::size_t first = i, last = i;
    while (first > 1 && points_[first - 1].tag() == points_[i].tag()) --first;
    while (last + 1 < points_.size() && points_[last + 1].tag() == points_[i].tag()) ++last;
    return TimeSpan{points_[first - 1].time_us(), points_[last].time_us()};
  }

  /// The growth over `span` is known as a whole, not how it came about.
  void bridge(TimeSpan span) {
    const std::size_t first = segment_of(span.begin_us + 1);
    const std::size_t end = segment_of(span.end_us);
    if (end >= points_.size() || first > end) return;
    points_[end] = Point::make(points_[end].time_us(), points_[end].sums, tag_bridged);
    points_.erase(points_.begin() + static_cast<std::ptrdiff_t>(first),
                  points_.begin() + static_cast<std::ptrdiff_t>(end));
    tags_ |= 1U << tag_bridged;
  }

  /// The growth over `span` is not known.
  void forget(TimeSpan span) {
    for (std::size_t i = segment_of(span.begin_us) + 1;
         i < points_.size() && points_[i].time_us() <= span.end_us; ++i)
      points_[i].stamp &= ~std::int64_t{7};
    tags_ |= 1U << tag_gap;
  }

  /// The moment, or the beginning of the bridged stretch that it would cut.
  [[nodiscard]] std::int64_t before_bridge(std::int64_t time_us) const {
    const std::size_t i = segment_of(time_us);
    if (i == 0 || i >= points_.size() || points_[i].time_us() == time_us) return time_us;
    return points_[i].tag() == tag_bridged ? points_[i - 1].time_us() : time_us;
  }

  /// Lowest and highest rate of column 0 in the stretches that are known; both 0 where there is none.
  [[nodiscard]] RateRange rate_range() const {
    RateRange range;
    bool is_first = true;
    for (std::size_t i = 1; i < points_.size(); ++i) {
      if (points_[i].tag() == 0) continue;
      const double here = rate(i);
      range = is_first ? RateRange{here, here}
                       : RateRange{std::min(range.lowest, here), std::max(range.highest, here)};
      is_first = false;
    }
    return range;
  }

 private:
  static constexpr std::int64_t ages_per_span = 128;
  /// Beyond this number of points a gap and its neighbour are merged to a gap, too, so that flapping does not
  /// use up memory.
  static constexpr std::size_t crowded = 4096;

  struct Point {
    std::int64_t stamp;  // time in microseconds * 8 + tag of the stretch that ends here
    Sums sums;

    static Point make(std::int64_t time_us, const Sums& sums, std::uint8_t tag) {
      return {time_us * 8 + tag, sums};
    }
    [[nodiscard]] std::int64_t time_us() const { return stamp >> 3; }
    [[nodiscard]] std::uint8_t tag() const { return static_cast<std::uint8_t>(stamp & 7); }
  };

  /// Index of the first point at or after the moment: the stretch that ends there holds it.
  [[nodiscard]] std::size_t segment_of(std::int64_t time_us) const {
    const auto found = std::ranges::lower_bound(points_, time_us, {}, &Point::time_us);
    return static_cast<std::size_t>(found - points_.begin());
  }

  [[nodiscard]] double rate(std::size_t i) const {
    return (points_[i].sums[0] - points_[i - 1].sums[0]) /
           seconds(points_[i].time_us() - points_[i - 1].time_us());
  }

  [[nodiscard]] double rate_change(std::size_t i) const {
    const bool left = i >= 2 && points_[i - 1].tag() != 0;
    const bool right = i + 1 < points_.size() && points_[i + 1].tag() != 0;
    const double here = rate(i);
    // With one side only: the stretch itself is on average half-way up the step.
    if (!right) return left ? 2 * std::abs(here - rate(i - 1)) : 0;
    if (!left) return 2 * std::abs(rate(i + 1) - here);
    const double before = rate(i - 1);
    const double after = rate(i + 1);
    return std::max({before, here, after}) - std::min({before, here, after});
  }

  void make_room(std::int64_t now_us, const Retention& retention) {
    if (points_.size() < points_.capacity()) return;
    thin_out(now_us, retention);
    if (points_.size() > points_.capacity() / 8 * 7)
      points_.reserve(points_.capacity() + points_.capacity() / 4);
  }

  void thin_out(std::int64_t now_us, const Retention& retention) {
    const std::int64_t oldest = now_us - retention.longest_us;
    std::size_t first = 0;  // the last point that is old enough to be forgotten stays: a stretch begins there
    while (first + 1 < points_.size() && points_[first + 1].time_us() <= oldest) ++first;
    const bool is_crowded = points_.size() - first > crowded;
    std::size_t kept = 0;
    points_[0] = points_[first];
    for (std::size_t i = first + 1; i < points_.size(); ++i) {
      if (i + 1 < points_.size() && may_go(kept, i, now_us, retention, is_crowded)) {
        if (points_[i].tag() != points_[i + 1].tag()) points_[i + 1].stamp &= ~std::int64_t{7};
      } else {
        points_[++kept] = points_[i];
      }
    }
    points_.resize(kept + 1);
    tags_ = 0;
    for (std::size_t i = 1; i < points_.size(); ++i) tags_ |= 1U << points_[i].tag();
  }

  /// Whether point i may go, so that the stretches before and after it merge. The one before
  /// begins at point `kept`.
  [[nodiscard]] bool may_go(std::size_t kept, std::size_t i, std::int64_t now_us, const Retention& retention,
                            bool is_crowded) const {
    const std::int64_t begin = points_[kept].time_us();
    const std::int64_t end = points_[i + 1].time_us();
    if ((end - begin) * ages_per_span > now_us - points_[i].time_us()) return false;
    if (!is_crowded && points_[i].tag() != points_[i + 1].tag()) return false;
    // Neighbours stay whole too: the cut's variance is taken from them.
    const std::int64_t left = kept > 0 ? points_[kept - 1].time_us() : begin;
    const std::int64_t right = i + 2 < points_.size() ? points_[i + 2].time_us() : end;
    return std::ranges::none_of(retention.exact_us,
                                [&](std::int64_t exact) { return left <= exact && exact <= right; });
  }

  std::vector<Point> points_;
  TagSet tags_ = 0;  // of all stretches, perhaps of some that are merged by now
};

}  // namespace flopwatt::accounting
