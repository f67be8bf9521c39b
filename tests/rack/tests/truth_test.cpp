// Power, energy and work of a load agree with each other and with the architecture table.
#include "truth.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>

#include "nvml/sensors.h"
#include "registers.h"

using namespace rack;

namespace {

const std::string kLoads = RACK_LOADS;

double f32_at(const RegisterImage& image, unsigned address) {
  return std::bit_cast<float>(std::uint32_t{image.at(address)} << 16 | image.at(address + 1));
}

}  // namespace

TEST_CASE("the example loads are read") {
  const Load demo = load_file(kLoads + "/demo.yml");
  CHECK(demo.gpus.size() == 4);
  CHECK(demo.meters.size() == 2);
  double power = 0;
  for (const Meter& meter : demo.meters) power += meter.power.mean(0, 600);
  CHECK(power == doctest::Approx(5000).epsilon(0.1));
  const Load big = load_file(kLoads + "/rack20x8.yml");
  CHECK(big.gpus.size() == 8);
  CHECK(big.meters.size() == 20);
  CHECK(big.meters[19].name == "outlet19");
  const Load field = load_file(kLoads + "/field.yml");
  REQUIRE(field.meters.size() == field.gpus.size());
  for (std::size_t i = 0; i < field.gpus.size(); ++i) CHECK(field.meters[i].name == field.gpus[i].name);
}

TEST_CASE("work follows activity, rate, SMs and clock") {
  const Load load = load_file(kLoads + "/two_meters.yml");
  const Gpu& h100 = load.gpus[0];
  CHECK(h100.sm_count() == 132);
  CHECK(pipe_peak(h100, Pipe::hmma) == doctest::Approx(4096.0 * 132 * 1500e6));
  // Over whole periods the square is high half the time.
  CHECK(pipe_work(h100, Pipe::hmma, 20, 40) == doctest::Approx(20 * 0.5 * 4096.0 * 132 * 1500e6));
  CHECK(flop(h100, 20, 40) ==
        doctest::Approx(20 * (0.5 * 4096.0 + 0.05 * 128) * 132 * 1500e6));  // without imma: no floating point
  const Gpu& a100 = load.gpus[1];
  CHECK(flop_rate(a100, 3) == doctest::Approx(0.5 * 2048 * 108 * 1410e6));
}

TEST_CASE("the precision chooses the tensor rate") {
  for (const auto& [precision, rate] : {std::pair{"tf32", 2048.0}, {"fp16", 4096.0}, {"fp8", 8192.0}}) {
    const Load load = load_text(std::string("{tensor_precision: ") + precision + ", gpus: {count: 1}}");
    CHECK(load.gpus[0].operations_per_clock[0] == rate);
  }
}

TEST_CASE("a meter carries its base and its GPUs' power with losses") {
  const Load load = load_file(kLoads + "/two_meters.yml");
  const Meter& meter = load.meters[0];
  for (const double t : {0.0, 3.3, 7.9, 1e6})
    CHECK(meter.power.value(t) == doctest::Approx(500 + 1.1 * load.gpus[0].power.value(t)));
  CHECK(meter.power.integral(2, 17) == doctest::Approx(500 * 15 + 1.1 * load.gpus[0].power.integral(2, 17)));
  const double expected = 100 + 0.5 * 500 + 0.05 * 400 + 0.1 * 300;
  CHECK(load.gpus[0].power.mean(0, 10) == doctest::Approx(expected));
}

TEST_CASE("the SDM630's registers add up") {
  const Load load = load_file(kLoads + "/two_meters.yml");
  const Meter& meter = load.meters[0];
  const RegisterImage image = image_of(meter, 4, figures_of(meter, {.t = 12.5}));
  const double power = meter.power.value(12.5);
  CHECK(f32_at(image, 52) == doctest::Approx(power));
  CHECK(f32_at(image, 12) + f32_at(image, 14) + f32_at(image, 16) == doctest::Approx(power));
  CHECK(f32_at(image, 0) * f32_at(image, 6) * f32_at(image, 30) == doctest::Approx(f32_at(image, 12)));
  CHECK(f32_at(image, 72) == doctest::Approx(100 + meter.power.integral(0, 12.5) / 3.6e6));
  CHECK(f32_at(image, 70) == doctest::Approx(50));
  const MeterFigures reset = figures_of(meter, {.t = 12.5, .reset = 10});
  CHECK(reset.energy_j == doctest::Approx(meter.power.integral(10, 12.5)));
}

TEST_CASE("sensors average over their generation's window") {
  const Load load = load_file(kLoads + "/two_meters.yml");
  const Gpu& gpu = load.gpus[0];
  // 0.53 s after an edge of the square the mean of the last second holds half of it, to the last renewal.
  CHECK(nvml::power_mw(gpu, 10.53) == std::lround(1000 * gpu.power.mean(9.5, 10.5)));
  CHECK(nvml::instant_power_mw(gpu, 10.53) == std::lround(1000 * gpu.power.value(10.5)));
  nvml::SensedEnergy all;
  CHECK(nvml::energy_mj(gpu, 12.39, NAN, all) ==
        doctest::Approx(1000 * gpu.power.integral(0, 12.3)).epsilon(1e-6));
  CHECK(nvml::energy_mj(gpu, 12.39, 12.0, all) ==
        doctest::Approx(1000 * gpu.power.integral(12, 12.3)).epsilon(1e-5));
}

TEST_CASE("an impossible load is refused") {
  CHECK_THROWS_AS(load_text("{gpus: {count: 1, activity: {hmma: 1.2}}}"), LoadError);
  CHECK_THROWS_AS(load_text("{gpus: {count: 1, activity: {hmma: 0.6, imma: 0.6}}}"), LoadError);
  CHECK_THROWS_AS(load_text("{gpus: {count: 1, product: Tesla T4, activity: {dfma: 0.1}}}"), LoadError);
  CHECK_THROWS_AS(load_text("{meters: [{name: a}, {name: a}]}"), LoadError);
  CHECK_THROWS_AS(load_text("{meters: [{name: a, gpus: [0]}]}"), LoadError);
  CHECK_THROWS_WITH(load_text("meters:\n  - name: a\n    colour: red"), "line 3: unknown key colour");
}
