// The antiderivatives against fine numerical integration.
#include "waveform.h"

#include <doctest/doctest.h>

#include "yaml_reader.h"

using namespace rack;

namespace {

// The midpoint rule. All edges of the waveforms below lie on whole slices, so none is cut in two.
double numeric(const Waveform& waveform, double from, double until) {
  const double h = 1.0 / 4096;
  double sum = 0;
  for (double t = from + h / 2; t < until; t += h) sum += waveform.value(t);
  return sum * h;
}

Waveform parsed(const char* yaml) { return waveform_of(YAML::Load(yaml)); }

void check_integral(const Waveform& waveform) {
  for (const auto& [from, until] : {std::pair{0.0, 1.0}, {-7.5, 13.25}, {3.0, 3.5}, {100.0, 164.0}})
    CHECK(waveform.integral(from, until) == doctest::Approx(numeric(waveform, from, until)).epsilon(1e-7));
}

}  // namespace

TEST_CASE("each kind of term integrates to what numbers say") {
  check_integral(parsed("0.75"));
  check_integral(parsed("{constant: 1, sine: {amplitude: 0.5, period: 3.7, delay: 0.4}}"));
  check_integral(parsed("{square: {low: 0.1, high: 0.9, period: 4, duty: 0.25, delay: 1}}"));
  check_integral(parsed("{schedule: {period: 8, points: [[0, 0], [1, 2], [1, 3], [6, 0.5]]}}"));
  check_integral(
      parsed("{constant: 1, sine: [{amplitude: 1, period: 2}, {amplitude: 0.2, period: 0.5}], "
             "square: {high: 2, period: 0.5}, schedule: {period: 2, points: [[0, 0], [1, 1]]}}"));
}

TEST_CASE("random pulses integrate to what they are made of") {
  const Waveform steps = parsed("{square: {low: 1, high: 5, period: 2.5, duty: 0.8, jitter: 0.05}}");
  CHECK(steps.mean(0, 2500) == doctest::Approx(1 + 4 * 0.8).epsilon(0.01));
  CHECK(steps.value(0.1) == 5);
  const Waveform bursts = parsed("{bursts: {low: 2, high: 10, pause: 30, longest: 5}}");
  CHECK(bursts.lowest() == 2);
  CHECK(bursts.highest() == 10);
  // 1,000 pauses of 30 s and bursts of 2.55 s, on the average.
  CHECK(bursts.mean(0, 30e3) == doctest::Approx(2 + 8 * 2.55 / 32.55).epsilon(0.1));
  for (const Waveform* waveform : {&steps, &bursts}) {
    const double h = 1.0 / 4096;
    double sum = 0;
    for (double t = 200 + h / 2; t < 300; t += h) sum += waveform->value(t) * h;
    CHECK(waveform->integral(200, 300) == doctest::Approx(sum).epsilon(1e-4));  // edges lie anywhere
  }
}

TEST_CASE("the lengths of pulses are random, and the same each time") {
  const Waveform even = parsed("{square: {high: 1, period: 1}}");
  const Waveform odd = parsed("{square: {high: 1, period: 1, jitter: 0.2}}");
  const Waveform again = parsed("{square: {high: 1, period: 1, jitter: 0.2}}");
  int differ = 0;
  for (double t = 0.01; t < 50; t += 0.1) {
    CHECK(odd.value(t) == again.value(t));
    differ += odd.value(t) != even.value(t);
  }
  CHECK(differ > 50);
}

TEST_CASE("sums and delays keep the integral") {
  const Waveform a = parsed("{constant: 1, sine: {amplitude: 0.5, period: 3}, square: {high: 1, period: 5}}");
  Waveform sum(2);
  sum.add(a, 3);
  CHECK(sum.integral(1, 9) == doctest::Approx(2 * 8 + 3 * a.integral(1, 9)));
  CHECK(a.delayed(2.5).integral(1, 9) == doctest::Approx(a.integral(-1.5, 6.5)));
  CHECK(a.delayed(2.5).value(4) == doctest::Approx(a.value(1.5)));
}

TEST_CASE("a window of milliseconds is exact after months") {
  const Waveform a =
      parsed("{constant: 0.5, sine: {amplitude: 0.4, period: 1}, square: {high: 0.1, period: 10}}");
  const double month = 2.6e6;
  CHECK(a.mean(month, month + 0.1) == doctest::Approx(a.mean(0, 0.1)).epsilon(1e-6));
}

TEST_CASE("bounds hold") {
  const Waveform a =
      parsed("{constant: 1, sine: {amplitude: 0.5, period: 3}, square: {low: -1, high: 1, period: 5}}");
  CHECK(a.lowest() == doctest::Approx(-0.5));
  CHECK(a.highest() == doctest::Approx(2.5));
  for (double t = 0; t < 15; t += 0.01) {
    CHECK(a.value(t) >= a.lowest());
    CHECK(a.value(t) <= a.highest());
  }
}

TEST_CASE("a wrong waveform is refused with its line") {
  CHECK_THROWS_AS(parsed("{sine: {amplitude: 1, period: 0}}"), LoadError);
  CHECK_THROWS_AS(parsed("{sine: {amplitude: 1, frequency: 3}}"), LoadError);
  CHECK_THROWS_AS(parsed("{schedule: {period: 5, points: [[1, 0]]}}"), LoadError);
  CHECK_THROWS_AS(parsed("{schedule: {period: 5, points: [[0, 0], [9, 0]]}}"), LoadError);
  CHECK_THROWS_AS(parsed("{square: {high: 1, period: 5, duty: 1.5}}"), LoadError);
  CHECK_THROWS_AS(parsed("{square: {high: 1, period: 5, jitter: 1}}"), LoadError);
  CHECK_THROWS_AS(parsed("{bursts: {high: 1, pause: 5, longest: 0}}"), LoadError);
}
