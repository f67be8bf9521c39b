#include "agent/accounting/counted_work.h"

#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using model::us;

namespace {

const Retention long_retention{10'000 * std::int64_t{1'000'000}, {}};

CountedWork counted() {
  CountedWork work;
  work.set_longest_gap(5'000'000);
  return work;
}

double add(CountedWork& work, double t, double flop) {
  return work.add({us(t), flop, flop, us(t), 1e-6}, long_retention);
}

TimeSpans known(const CountedWork& work, double from, double to) {
  TimeSpans gaps;
  work.add_gaps({us(from), us(to)}, gaps);
  return without_gaps({us(from), us(to)}, gaps);
}

}  // namespace

TEST_CASE("counted from the first line on: the line itself counts whole") {
  CountedWork work = counted();
  work.begin_at_zero();
  CHECK(add(work, 0, absent) == 0);
  CHECK_FALSE(work.offered());
  CHECK(add(work, 1, 3e20) == 3e20);  // ten minutes of work at once are no glitch
  CHECK(work.offered());
  CHECK(add(work, 2, 4e20) == 1e20);
  CHECK(known(work, -1, 3) == TimeSpans{{us(0), us(2)}});
  CHECK(work.part(TimeSpans{{us(0), us(2)}}).work == 4e20);
}

TEST_CASE("a member that comes later does not count what was counted before it") {
  CountedWork work = counted();
  CHECK(add(work, 0, 7e20) == 0);
  CHECK(add(work, 1, 8e20) == 1e20);
  CHECK(known(work, -1, 3) == TimeSpans{{us(0), us(1)}});
}

TEST_CASE("while counting is not offered nothing is known, and what comes after goes on from there") {
  CountedWork work = counted();
  work.begin_at_zero();
  for (int t = 0; t <= 10; ++t) add(work, t, 1e15 * t);
  for (int t = 11; t <= 20; ++t) CHECK(add(work, t, absent) == 0);
  CHECK(work.reached_us() == us(20));
  CHECK(add(work, 21, 12e15) == 2e15);
  CHECK(known(work, 0, 21) == TimeSpans{{us(0), us(10)}, {us(20), us(21)}});
  // Silent for longer than a source may be: the work counts, but when it was done is not known.
  CHECK(add(work, 40, 20e15) == 8e15);
  CHECK(known(work, 20, 40) == TimeSpans{{us(20), us(21)}});
}

TEST_CASE("bounds are the work, and its lumps are steps") {
  CountedWork work = counted();
  work.begin_at_zero();
  for (int t = 0; t <= 100; ++t) add(work, t, 6e15 * (t / 5));
  const WorkPart part = work.part(TimeSpans{{us(10.5), us(90.5)}});
  CHECK(part.work == doctest::Approx(16 * 6e15));
  CHECK(part.low == part.work);
  CHECK(part.high == part.work);
  CHECK(part.clock_variance == 0);
  CHECK(part.lump_variance == doctest::Approx(2 * 6e15 * 6e15 / 12));
  // In two stretches there are four ends.
  const TimeSpans two{{us(0), us(50)}, {us(51), us(100)}};
  CHECK(work.part(two).lump_variance > 3.9 * 6e15 * 6e15 / 12);
  // Below ten lumps the full bound, below three nothing is known.
  CHECK(work.part(TimeSpans{{us(10.5), us(40.5)}}).lump_variance == doctest::Approx(6e15 * 6e15 / 3));
  const WorkPart lump = work.part(TimeSpans{{us(10.5), us(20.5)}});
  CHECK(lump.lump_variance == doctest::Approx(lump.work * lump.work));
  // Finer steps are believed after a while.
  for (int t = 101; t <= 3000; ++t) add(work, t, 12e16 + 1e15 * (t - 100));
  CHECK(work.part(TimeSpans{{us(2900), us(3000)}}).lump_variance == doctest::Approx(2 * 1e15 * 1e15 / 12));
}

TEST_CASE("what is not finite was not counted") {
  CountedWork work = counted();
  work.begin_at_zero();
  CHECK(add(work, 0, 1e15) == 1e15);
  CHECK(add(work, 1, std::numeric_limits<double>::infinity()) == 0);
  CHECK_FALSE(work.offered());
  CHECK(add(work, 2, 3e15) == 2e15);
}
