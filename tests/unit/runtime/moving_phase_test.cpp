#include "runtime/moving_phase.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <span>
#include <vector>

using namespace flopwatt;
using namespace std::chrono_literals;
using std::chrono::microseconds;

namespace {

std::vector<microseconds> phases(microseconds period, std::int64_t first, std::size_t count) {
  MovingPhase phase;
  std::vector<microseconds> all;
  for (std::size_t i = 0; i < count; ++i)
    all.push_back(phase.of(first + static_cast<std::int64_t>(i), period));
  return all;
}

// The largest part of the period, round about, in which no phase lies.
microseconds largest_hole(std::span<const microseconds> phases, microseconds period) {
  std::vector<microseconds> sorted(phases.begin(), phases.end());
  std::ranges::sort(sorted);
  microseconds largest = sorted.front() + period - sorted.back();
  for (std::size_t i = 1; i < sorted.size(); ++i) largest = std::max(largest, sorted[i] - sorted[i - 1]);
  return largest;
}

// How far a load of that frequency, in periods of it per interval, is seen at one moment of its period: 1
// where it always is, near 0 where all moments are seen.
double locking(std::span<const double> times, double frequency) {
  std::complex<double> sum;
  for (const double time : times) sum += std::polar(1.0, 2 * std::numbers::pi * frequency * time);
  return std::abs(sum) / static_cast<double>(times.size());
}

}  // namespace

TEST_CASE("any 20 beats leave no hole of a fifth of the interval") {
  for (const microseconds period : {100'000us, 250'000us, 333'333us, 519'000us, 539'000us, 700'000us,
                                    1'000'000us, 5'000'000us, 10'000'000us, 60'000'000us, 3'600'000'000us}) {
    const auto all = phases(period, 123'456, 3000);
    microseconds largest{0};
    for (std::size_t i = 0; i + 20 <= all.size(); ++i)
      largest = std::max(largest, largest_hole(std::span(all).subspan(i, 20), period));
    CAPTURE(period.count());
    CHECK(5 * largest < period);
    CHECK(*std::ranges::min_element(all) >= 0us);
    CHECK(*std::ranges::max_element(all) < period);
  }
}

TEST_CASE("two beats in a row are 0.6 to 1.4 intervals apart") {
  for (const microseconds period : {100'000us, 250'000us, 519'000us, 1'000'000us, 60'000'000us}) {
    const auto all = phases(period, -5'000, 10'000);
    for (std::size_t i = 1; i < all.size(); ++i)
      REQUIRE(5 * std::abs((all[i] - all[i - 1]).count()) < 2 * period.count());
  }
}

TEST_CASE("phases are whole slots where the interval has 25 of them, else finer") {
  for (const microseconds period : {500'000us, 1'000'000us, 5'000'000us})
    for (const microseconds one : phases(period, 70'000, 500)) CHECK(one % 20ms == 0us);
  for (const microseconds one : phases(250ms, 70'000, 500)) CHECK(one % 10ms == 0us);
  for (const microseconds one : phases(100ms, 70'000, 500)) CHECK(one % 4ms == 0us);
}

TEST_CASE("a phase depends on nothing but the beat and the interval") {
  const auto all = phases(1s, 1'000, 200);
  for (std::size_t i = all.size(); i-- > 0;) {
    MovingPhase fresh;
    CHECK(fresh.of(1'000 + static_cast<std::int64_t>(i), 1s) == all[i]);
  }
}

TEST_CASE("a load of any period is seen at all moments of it") {
  constexpr std::size_t beats = 3600;
  const auto all = phases(1s, 500'000, beats);
  std::vector<double> times, rotation;
  for (std::size_t i = 0; i < beats; ++i) {
    const auto beat = static_cast<double>(i);
    times.push_back(beat + std::chrono::duration<double>(all[i]).count());
    rotation.push_back(beat + std::fmod(beat * 0.6180339887498949, 1.0));
  }
  // What a rotation by the golden ratio is blind for.
  CHECK(locking(rotation, 1.7639320225) > 0.8);
  double most = 0;
  for (double frequency = 0.3; frequency < 5; frequency += 0.1 / static_cast<double>(beats))
    most = std::max(most, locking(times, frequency));
  CHECK(most < 0.15);
  for (const double frequency : {1.0, 2.0, 3.0, 0.5, 1.5, 1.7639320225, 1.3819660113})
    CHECK(locking(times, frequency) < 0.06);
}
