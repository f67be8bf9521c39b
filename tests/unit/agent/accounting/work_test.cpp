#include "agent/accounting/work.h"

#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using model::us;

namespace {

const Retention work_retention{1000 * std::int64_t{1'000'000}, {}};

WorkReading reading(double t, double work) {
  return {us(t), work, 0.5 * work, 2 * work, 0.01 * work, 1e15, 1e-6};
}

WorkSeries series() {
  WorkSeries work;
  work.set_longest_gap(5'000'000);
  return work;
}

TimeSpans gaps_of(const WorkSeries& work, double from, double to) {
  TimeSpans gaps;
  work.add_gaps({us(from), us(to)}, gaps);
  return without_gaps({us(from), us(to)}, gaps);
}

}  // namespace

TEST_CASE("work grows with its bounds, and each interval's clock errs by itself") {
  auto work = series();
  double total = 0;
  for (int t = 0; t <= 10; ++t) total += work.add(reading(t, 5e14 * t), work_retention);
  CHECK(total == 5e15);
  const WorkPart part = work.part(TimeSpans{{us(2), us(4.5)}});
  CHECK(part.work == doctest::Approx(1.25e15));
  CHECK(part.low == doctest::Approx(0.625e15));
  CHECK(part.high == doctest::Approx(2.5e15));
  CHECK(part.clock_variance == doctest::Approx((1 + 0.01 * 2.5) * 2.5 * 5e12 * 5e12 /
                                               3));  // half-width 5e12 a second, a tenth is common
  CHECK(part.time_variance == doctest::Approx(2 * 5e14 * 5e14 * 1e-6));
}

TEST_CASE("absent work breaks continuity: nothing is counted across it") {
  auto work = series();
  work.add(reading(0, 0), work_retention);
  work.add(reading(1, 1e14), work_retention);
  work.add({us(2), absent, absent, absent, absent, 1e15, 1e-6}, work_retention);
  CHECK(work.reached_us() == us(2));
  CHECK_FALSE(work.offered());
  CHECK(work.add(reading(3, 9e14), work_retention) == 0);
  CHECK(work.add(reading(4, 10e14), work_retention) == 1e14);
  CHECK(gaps_of(work, 0, 4) == TimeSpans{{us(0), us(1)}, {us(3), us(4)}});
}

TEST_CASE("a restarted guest counts from zero again: no negative and no lost work after it") {
  auto work = series();
  for (int t = 0; t <= 10; ++t) work.add(reading(t, 1e16 + 5e14 * t), work_retention);
  double total = 0;
  for (int t = 11; t <= 20; ++t) total += work.add(reading(t, 5e14 * (t - 11)), work_retention);
  CHECK(total == 9 * 5e14);
  CHECK(work.part(TimeSpans{{us(12), us(20)}}).work == doctest::Approx(8 * 5e14));
}

TEST_CASE("work beyond twice the peak is not believed") {
  auto work = series();
  work.add(reading(0, 0), work_retention);
  CHECK(work.add(reading(1, 1e19), work_retention) == 0);
  CHECK(work.add(reading(2, 1e15), work_retention) == 1e15);
}

TEST_CASE("bounds that are missing or contradict the work are the work") {
  auto work = series();
  work.add({us(0), 0, absent, absent, absent, 1e15, 0}, work_retention);
  work.add({us(1), 1e14, absent, absent, absent, 1e15, 0}, work_retention);
  const WorkPart part = work.part(TimeSpans{{us(0), us(1)}});
  CHECK(part.low == 1e14);
  CHECK(part.high == 1e14);
  CHECK(part.clock_variance == 0);
}
