#include "agent/accounting/track.h"

#include <doctest/doctest.h>

using namespace flopwatt::accounting;

namespace {

constexpr std::int64_t second = 1'000'000;

TimeSpans gaps_of(const Track<1>& track, TimeSpan window) {
  TimeSpans gaps;
  track.add_gaps(window, gaps);
  return gaps;
}

double growth(const Track<1>& track, std::int64_t from_us, std::int64_t to_us) {
  return track.growth(TimeSpans{{from_us, to_us}})[0];
}

}  // namespace

TEST_CASE("sums are cut linearly, gaps are reported, also before the first and after the last point") {
  Track<1> track;
  const Retention retention{3600 * second, {}};
  track.append(10 * second, {0}, 1, retention);
  track.append(12 * second, {200}, 1, retention);
  track.append(20 * second, {999}, 0, retention);
  track.append(22 * second, {0}, 0, retention);
  track.append(24 * second, {100}, 1, retention);
  CHECK(growth(track, 10 * second, 11 * second) == 100);
  CHECK(growth(track, 11 * second, 23 * second) == 150);
  TimeSpans all = gaps_of(track, {0, 30 * second});
  CHECK(without_gaps({0, 30 * second}, all) ==
        TimeSpans{{10 * second, 12 * second}, {22 * second, 24 * second}});
  CHECK(gaps_of(track, {10 * second, 12 * second}).empty());
  CHECK(gaps_of(track, {13 * second, 14 * second}) == TimeSpans{{12 * second, 22 * second}});
  CHECK(gaps_of(track, {30 * second, 40 * second}) == TimeSpans{{24 * second, 40 * second}});
  TimeSpans gaps{{12 * second, 22 * second}, {0, 10 * second}, {9 * second, 11 * second}};
  CHECK(without_gaps({5 * second, 23 * second}, gaps) ==
        TimeSpans{{11 * second, 12 * second}, {22 * second, 23 * second}});
}

TEST_CASE("tags of the known stretches inside the window are returned") {
  Track<1> track;
  const Retention retention{3600 * second, {}};
  track.append(0, {0}, 1, retention);
  track.append(10 * second, {1}, 4, retention);
  track.append(20 * second, {1}, 3, retention);
  TimeSpans gaps;
  CHECK(track.add_gaps({0, 10 * second}, gaps) == 1U << 4);
  CHECK(track.add_gaps({10 * second, 20 * second}, gaps) == 1U << 3);
  CHECK(track.add_gaps({9 * second, 20 * second}, gaps) == (1U << 4 | 1U << 3));
}

TEST_CASE("growth over a gap is known as a whole: a window that cuts it has a gap") {
  Track<1> track;
  const Retention retention{3600 * second, {}};
  track.append(0, {0}, tag_known, retention);
  track.append(10 * second, {1}, tag_known, retention);
  track.append(20 * second, {1}, tag_bridged, retention);
  track.append(30 * second, {1}, tag_known, retention);
  CHECK(gaps_of(track, {0, 30 * second}).empty());
  CHECK(gaps_of(track, {10 * second, 20 * second}).empty());
  CHECK(gaps_of(track, {15 * second, 30 * second}) == TimeSpans{{10 * second, 20 * second}});
  CHECK(gaps_of(track, {0, 15 * second}) == TimeSpans{{10 * second, 20 * second}});
}

TEST_CASE("a week at one second stays small, and every window is still cut well") {
  Track<1> track;
  const std::int64_t week = 7 * 86'400 * second;
  const std::int64_t exact = week - 50'000 * second - 300'000;  // a start that somebody wants exactly
  const Retention retention{week, {exact}};
  // 1 kW and 3 kW in turn, 100 s each.
  const auto truth = [](std::int64_t time_us) {
    const std::int64_t cycle = time_us / (200 * second);
    const std::int64_t rest = time_us % (200 * second);
    return 1e-6 * (static_cast<double>(cycle) * 400'000e6 + 1e3 * static_cast<double>(rest) +
                   2e3 * static_cast<double>(std::max<std::int64_t>(0, rest - 100 * second)));
  };
  for (std::int64_t t = 0; t <= week; t += second)
    track.append(t, {t == 0 ? 0 : truth(t) - truth(t - second)}, 1, retention);
  CHECK(track.size() < 2'500);
  for (const std::int64_t length : {60, 900, 3600, 86'400, 604'000}) {
    CAPTURE(length);
    const double expected = truth(week) - truth(week - length * second);
    const double error = growth(track, week - length * second, week) - expected;
    const double stated = std::sqrt(track.cut_variance(week - length * second));
    CHECK(std::abs(error) <= 0.004 * expected);
    CHECK(std::abs(error) <= 2 * stated + 1e-4 * expected);  // several load steps in one merged stretch
  }
  CHECK(growth(track, exact, week) == doctest::Approx(truth(week) - truth(exact)).epsilon(1e-9));
}

TEST_CASE("a source that flaps for a week does not use up memory") {
  Track<1> track;
  const std::int64_t week = 7 * 86'400 * second;
  const Retention retention{week, {}};
  for (std::int64_t t = 0; t <= week; t += second) track.append(t, {1000}, t / second % 2 == 0, retention);
  CHECK(track.size() < 10'000);
  CHECK(growth(track, week - 60 * second, week) == 30 * 1000);
}

TEST_CASE("what is older than the longest window is forgotten") {
  Track<1> track;
  const Retention retention{900 * second, {}};
  for (std::int64_t t = 0; t <= 100'000 * second; t += second) track.append(t, {1}, 1, retention);
  CHECK(track.size() < 800);
  CHECK(gaps_of(track, {100'000 * second - 900 * second, 100'000 * second}).empty());
  CHECK_FALSE(gaps_of(track, {100'000 * second - 5000 * second, 100'000 * second}).empty());
}

TEST_CASE("the cut's variance covers one step inside the stretch") {
  // 1 kW until u, then 5 kW; points each second. Mean square over u of the straight line's error at f.
  const Retention retention{3600 * second, {}};
  for (const double f : {0.25, 0.5, 0.9}) {
    double squares = 0;
    double stated = 0;
    constexpr int moments = 1000;
    for (int i = 0; i < moments; ++i) {
      const double u = (i + 0.5) / moments;
      Track<1> track;
      track.append(0, {0}, 1, retention);
      track.append(second, {1000}, 1, retention);
      track.append(2 * second, {1000 * u + 5000 * (1 - u)}, 1, retention);
      track.append(3 * second, {5000}, 1, retention);
      const auto cut = static_cast<std::int64_t>((1 + f) * 1e6);
      const double truth = 1000 * std::min(f, u) + 5000 * std::max(0.0, f - u);
      squares += std::pow(growth(track, second, cut) - truth, 2) / moments;
      stated += track.cut_variance(cut) / moments;
    }
    CHECK(stated == doctest::Approx(squares).epsilon(0.01));
  }
}
