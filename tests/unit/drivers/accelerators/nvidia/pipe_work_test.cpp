#include "drivers/accelerators/nvidia/pipe_work.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <utility>

#include "drivers/accelerators/nvidia/pipes.h"

namespace flopwatt::nvidia {
namespace {

using accelerators::Activity;

/// Hopper, as in the facts: FLOP per clock per SM.
SmRates hopper() {
  return {.fp64 = 128,
          .fp64_tensor = 256,
          .fp32 = 256,
          .fp16 = 512,
          .tf32_tensor = 2048,
          .fp16_tensor = 4096,
          .bf16_tensor = 4096,
          .fp8_tensor = 8192,
          .fp32_lanes = 128};
}
constexpr unsigned h100_cores = 16896;  // 132 SMs of 128

Activity sample(std::vector<double> ratios, double begin_hz = 1.98e9, double end_hz = 1.98e9,
                double seconds = 1.0) {
  Activity activity;
  activity.ratios = std::move(ratios);
  activity.seconds = seconds;
  activity.clock_begin_hz = begin_hz;
  activity.clock_end_hz = end_hz;
  return activity;
}

}  // namespace

TEST_CASE("an H100 with half its HMMA cycles: 0.5 x 4096 x 132 SM x 1.98 GHz x 1 s") {
  const auto rates = pipe_rates(hopper(), h100_cores, Place::bf16);
  REQUIRE(rates);
  const auto work = pipe_work(*rates, sample({0.5, 0, 0, 0, 0, 0}));
  REQUIRE(work);
  CHECK(work->of(Place::assumed_bf16) == doctest::Approx(535.26528e12).epsilon(1e-12));
  CHECK(work->total() == work->of(Place::assumed_bf16));
  CHECK(work->low == doctest::Approx(267.63264e12).epsilon(1e-12));    // all of it TF32
  CHECK(work->high == doctest::Approx(1070.53056e12).epsilon(1e-12));  // all of it FP8
  CHECK(work->spread == 0.0);
}

TEST_CASE("the configured precision moves the figure, not its bounds") {
  const Activity half = sample({0.5, 0, 0, 0, 0, 0});
  const auto tf32 = pipe_work(*pipe_rates(hopper(), h100_cores, Place::tf32), half);
  const auto fp8 = pipe_work(*pipe_rates(hopper(), h100_cores, Place::fp8), half);
  REQUIRE(tf32);
  REQUIRE(fp8);
  CHECK(fp8->of(Place::assumed_fp8) == doctest::Approx(4 * tf32->of(Place::assumed_tf32)));
  CHECK(tf32->low == fp8->low);
  CHECK(tf32->high == fp8->high);
}

TEST_CASE("each pipe counts at its own rate, and integer tensor work does not count") {
  const auto rates = pipe_rates(hopper(), h100_cores, Place::bf16);
  // hmma, imma, dfma, fp64, fp32, fp16 at 1 GHz over 2 s: 264e9 SM cycles
  const auto work = pipe_work(*rates, sample({0.1, 0.9, 0.2, 0.3, 0.4, 0.5}, 1e9, 1e9, 2.0));
  REQUIRE(work);
  CHECK(work->of(Place::assumed_bf16) == doctest::Approx(0.1 * 4096 * 264e9));
  CHECK(work->of(Place::fp64) == doctest::Approx(0.2 * 256 * 264e9 + 0.3 * 128 * 264e9));
  CHECK(work->of(Place::fp32) == doctest::Approx(0.4 * 256 * 264e9));
  CHECK(work->of(Place::fp16) == doctest::Approx(0.5 * 512 * 264e9));
  CHECK(work->low == doctest::Approx(work->total() - 0.1 * 2048 * 264e9));
  CHECK(work->high == doctest::Approx(work->total() + 0.1 * 4096 * 264e9));
}

TEST_CASE(
    "cycles that the device counts give the work, of one SM or of all, whatever the clock at both ends") {
  // 1485 MHz while busy, half of the second, 1980 MHz else, which is the clock at both samples. The ratio is
  // of elapsed cycles.
  const double elapsed = 0.5 * 1.485e9 + 0.5 * 1.98e9;
  Activity activity = sample({0.8 * 0.5 * 1.485e9 / elapsed, 0, 0, 0, 0, 0});
  const double truth = 0.8 * 0.5 * 1.485e9 * 4096 * 132;
  const auto rates = pipe_rates(hopper(), h100_cores, Place::bf16);
  CHECK(pipe_work(*rates, activity)->total() == doctest::Approx(truth * 1.98e9 / elapsed));  // 14 % more
  for (const double cycles : {elapsed, elapsed * 132}) {
    CAPTURE(cycles);
    activity.cycles = cycles;
    const auto work = pipe_work(*rates, activity);
    REQUIRE(work);
    CHECK(work->total() == doctest::Approx(truth).epsilon(1e-12));
    CHECK(work->spread == 0.0);
  }
  activity.clock_begin_hz = activity.clock_end_hz = absent;  // they are not needed
  CHECK(pipe_work(*rates, activity)->total() == doctest::Approx(truth).epsilon(1e-12));
}

TEST_CASE("a count that is none of SM cycles is not taken") {
  const auto rates = pipe_rates(hopper(), h100_cores, Place::bf16);
  Activity activity = sample({0.5, 0, 0, 0, 0, 0}, 1.2e9, 1.98e9);
  const double by_clock = pipe_work(*rates, activity)->total();
  for (const double wrong : {0.0, 1e8, 5.1e9 * 132, absent}) {
    CAPTURE(wrong);
    activity.cycles = wrong;
    CHECK(pipe_work(*rates, activity)->total() == by_clock);
  }
  activity.cycles = 1.3e8;  // an SM that stood still for most of the time
  CHECK(pipe_work(*rates, activity)->total() < 0.1 * by_clock);
}

TEST_CASE("a clock that goes back and forth is less certain than one that stepped") {
  const auto rates = pipe_rates(hopper(), h100_cores, Place::bf16);
  Activity activity = sample({0.5, 0, 0, 0, 0, 0}, 1.0e9, 2.0e9);
  const auto half_width = [&] { return pipe_work(*rates, activity)->spread / (0.5 * 4096 * 132); };
  activity.clock_before_hz = 0.5e9;  // it goes on rising
  CHECK(half_width() == doctest::Approx(0.5e9));
  activity.clock_before_hz = 2.0e9;  // variance 1/12 + 5/6 of the change squared
  CHECK(half_width() == doctest::Approx(std::sqrt(3 * 11.0 / 12) * 1e9));
}

namespace {

/// A clock that steps at random moments to random values. Its SM is read each second.
class WanderingClock {
 public:
  explicit WanderingClock(double steps_per_s) : steps_per_s_(steps_per_s) {}

  /// The next second: what the samples tell of it, and the cycles that really elapsed.
  std::pair<Activity, double> next() {
    Activity activity = sample({0.5, 0, 0, 0, 0, 0}, hz_, absent);
    activity.clock_before_hz = std::exchange(begin_hz_, hz_);
    double cycles = 0;
    for (double t = 0; t < 1;) {
      const double until = std::min(1.0, t + length_(random_) / steps_per_s_);
      cycles += hz_ * (until - t);
      t = until;
      if (t < 1) hz_ = any_hz_(random_);
    }
    activity.clock_end_hz = hz_;
    return {activity, cycles};
  }

 private:
  double steps_per_s_;
  std::mt19937 random_{5};
  std::exponential_distribution<double> length_{1.0};
  std::uniform_real_distribution<double> any_hz_{1.2e9, 1.98e9};
  double hz_ = 1.6e9, begin_hz_ = absent;
};

}  // namespace

TEST_CASE("the spread is what work errs by, whether its clock steps now and then or all the time") {
  const auto rates = pipe_rates(hopper(), h100_cores, Place::bf16);
  for (const double steps_per_s : {0.2, 1.0, 50.0}) {
    CAPTURE(steps_per_s);
    WanderingClock clock(steps_per_s);
    double errors = 0, stated = 0;
    for (int window = 0; window < 1000; ++window) {
      double error = 0;
      for (int second = 0; second < 20; ++second) {
        const auto [activity, cycles] = clock.next();
        const auto work = pipe_work(*rates, activity);
        error += work->total() - 0.5 * 4096 * 132 * cycles;
        stated += work->spread * work->spread / 3;
      }
      errors += error * error;
    }
    CHECK(std::sqrt(stated / errors) > 0.8);
    CHECK(std::sqrt(stated / errors) < 2);  // about one step a second: both models count it
  }
}

TEST_CASE("a clock that moves: its mean gives the work, half its change the spread") {
  const auto rates = pipe_rates(hopper(), h100_cores, Place::bf16);
  const auto work = pipe_work(*rates, sample({0.5, 0, 0, 0, 0, 0}, 1.0e9, 2.0e9));
  REQUIRE(work);
  CHECK(work->total() == doctest::Approx(0.5 * 4096 * 132 * 1.5e9));
  CHECK(work->spread == doctest::Approx(0.5 * 4096 * 132 * 0.5e9));  // f = 1.5 GHz +- 0.5 GHz
}

TEST_CASE("one unknown ratio that counts makes the work unknown; that of an integer pipe does not") {
  const auto rates = pipe_rates(hopper(), h100_cores, Place::bf16);
  for (const PipeIndex pipe : {hmma_pipe, dfma_pipe, fp64_pipe, fp32_pipe, fp16_pipe}) {
    Activity unknown = sample({0.5, 0.5, 0.5, 0.5, 0.5, 0.5});
    unknown.ratios[pipe] = absent;
    CAPTURE(pipe);
    CHECK_FALSE(pipe_work(*rates, unknown));
  }
  Activity no_imma = sample({0.5, absent, 0, 0, 0, 0});
  CHECK(pipe_work(*rates, no_imma));
}

TEST_CASE("an unknown clock or no time makes the work unknown") {
  const auto rates = pipe_rates(hopper(), h100_cores, Place::bf16);
  CHECK_FALSE(pipe_work(*rates, sample({0.5, 0, 0, 0, 0, 0}, absent, 1e9)));
  CHECK_FALSE(pipe_work(*rates, sample({0.5, 0, 0, 0, 0, 0}, 1e9, absent)));
  CHECK_FALSE(pipe_work(*rates, sample({0.5, 0, 0, 0, 0, 0}, 1e9, 1e9, 0)));
}

TEST_CASE("a stopped clock does nothing, with no spread") {
  const auto work =
      pipe_work(*pipe_rates(hopper(), h100_cores, Place::bf16), sample({0, 0, 0, 0, 0, 0}, 0, 0));
  REQUIRE(work);
  CHECK(work->total() == 0.0);
  CHECK(work->spread == 0.0);
}

TEST_CASE("an architecture without a pipe needs no ratio of it") {
  SmRates volta{.fp64 = 64, .fp32 = 128, .fp16 = 256, .fp16_tensor = 1024, .fp32_lanes = 64};
  const auto rates = pipe_rates(volta, 5120, Place::fp16);  // V100: 80 SMs
  REQUIRE(rates);
  const auto work = pipe_work(*rates, sample({0.5, absent, absent, 0, 0, 0}, 1e9, 1e9));
  REQUIRE(work);
  CHECK(work->total() == doctest::Approx(0.5 * 1024 * 80 * 1e9));
  CHECK(work->low == work->high);  // only FP16 runs on its tensor pipe
}

TEST_CASE("rates are unknown without a number of SMs or for a precision that the tensor pipe lacks") {
  CHECK_FALSE(pipe_rates(hopper(), 0, Place::bf16));
  SmRates no_lanes = hopper();
  no_lanes.fp32_lanes = 0;
  CHECK_FALSE(pipe_rates(no_lanes, h100_cores, Place::bf16));
  SmRates ampere = hopper();
  ampere.fp8_tensor = 0;
  CHECK_FALSE(pipe_rates(ampere, h100_cores, Place::fp8));
  CHECK(pipe_rates(ampere, h100_cores, Place::bf16)->tensor_high == 4096 * 132);
}

}  // namespace flopwatt::nvidia
