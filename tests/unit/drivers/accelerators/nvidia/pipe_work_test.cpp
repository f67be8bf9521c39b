#include "drivers/accelerators/nvidia/pipe_work.h"

#include <doctest/doctest.h>

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
  return {
      .ratios = std::move(ratios), .seconds = seconds, .clock_begin_hz = begin_hz, .clock_end_hz = end_hz};
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
