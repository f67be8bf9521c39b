// What meters of the field make of the truth: steps, refreshes, means, latencies, and energies that go wrong.
// All is read over TCP, as the product reads it.
#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <string>

#include "commands.h"
#include "meter_server.h"
#include "tests/meter_client.h"
#include "tests/skip.h"

using namespace rack;

namespace {

// A rack of one meter. The keys are those of the meter.
struct Site {
  explicit Site(const std::string& keys)
      : load(load_text("meters:\n  - {name: m, unit_id: 1, energy_offset_kwh: 100, " + keys + "}\n")) {}
  ~Site() { std::filesystem::remove(path); }

  double power_w() { return f32(client.read(1, 4, 52, 2), 0); }
  double energy_wh() { return f32(client.read(1, 4, 72, 2), 0) * 1000; }
  double true_wh(double t) const { return 100e3 + load.meters[0].power.integral(0, t) / 3600; }
  void skip_to(double t) const { rack::skip_to(*state, t); }
  void run(const std::string& line) const { execute(words_of(line), load, *state); }

  std::string path = "/tmp/rack-instrument-test-" + std::to_string(getpid());
  Load load;
  StatePtr state = create_state(path, "none.yml");
  MeterServer server{{load, *state}, 0};
  Client client{server.endpoint_of(0)};
};

constexpr double kFloat32 = 1e-7;
// Ten seconds, 100 Wh of 100 kWh, which the rack may go on meanwhile; it runs on the real clock.
constexpr double slack = 1e-3;

}  // namespace

TEST_CASE("a meter as sold counts in steps of 10 Wh, an ideal one as finely as its type") {
  Site sold("base_power: 36e3");  // 10 Wh a second
  Site ideal("base_power: 36e3, meter: ideal");
  for (const double t : {2.3, 10.7, 3600.4}) {
    sold.skip_to(t);
    ideal.skip_to(t);
    const double steps = sold.energy_wh() / 10;
    CHECK(steps == doctest::Approx(std::round(steps)).epsilon(kFloat32));
    CHECK(sold.true_wh(t - 1) - sold.energy_wh() < 10);
    CHECK(ideal.energy_wh() >= ideal.true_wh(t) * (1 - kFloat32));
    CHECK(ideal.energy_wh() < ideal.true_wh(t) + 5);
  }
}

TEST_CASE("steps are finer or coarser than the type of a register") {
  Site coarse(
      "kind: raw, base_power: 36e3, step_wh: 100, refresh_s: 0, registers: ["
      "{address: 0, type: i64, value: energy_wh}, {address: 4, type: u32, value: energy_j}]");
  coarse.skip_to(35);  // 350 Wh
  const auto words = coarse.client.read(1, 3, 0, 6);
  REQUIRE(words.size() == 6);
  CHECK((std::uint32_t{words[2]} << 16 | words[3]) == 100'300);
  CHECK((std::uint32_t{words[4]} << 16 | words[5]) == 100'300 * 3600);
}

TEST_CASE("a meter renews power and energy once each refresh") {
  Site site(
      "base_power: {schedule: {period: 1000, points: [[0, 0], [1000, 36e6]]}}, "
      "step_wh: 0, refresh_s: 60, refresh_phase_s: 5");
  site.skip_to(66);
  CHECK(site.power_w() == doctest::Approx(65 * 36e3));
  CHECK(site.energy_wh() == doctest::Approx(site.true_wh(65)).epsilon(kFloat32));
  site.skip_to(124);
  CHECK(site.power_w() == doctest::Approx(65 * 36e3));
  CHECK(site.energy_wh() == doctest::Approx(site.true_wh(65)).epsilon(kFloat32));
  site.skip_to(125.1);
  CHECK(site.power_w() == doctest::Approx(125 * 36e3));
  CHECK(site.energy_wh() == doctest::Approx(site.true_wh(125)).epsilon(kFloat32));
}

TEST_CASE("some meters only count so seldom; their power is live") {
  Site site(
      "base_power: {schedule: {period: 1000, points: [[0, 0], [1000, 36e6]]}}, "
      "step_wh: 0, refresh_s: 60, refresh_phase_s: 5, is_power_live: true");
  site.skip_to(124);
  CHECK(site.power_w() == doctest::Approx(124 * 36e3).epsilon(0.01));
  CHECK(site.energy_wh() == doctest::Approx(site.true_wh(65)).epsilon(kFloat32));
}

TEST_CASE("two meters of a rack do not refresh together") {
  const Load load = load_text("meters: {count: 3}");
  CHECK(std::abs(load.meters[0].refresh_phase_s - load.meters[1].refresh_phase_s) > 0.1);
  CHECK(std::abs(load.meters[1].refresh_phase_s - load.meters[2].refresh_phase_s) > 0.1);
  for (const Meter& meter : load.meters) CHECK(meter.refresh_phase_s < meter.refresh_s);
}

TEST_CASE("power is a sample, or a mean") {
  const std::string load = "base_power: {square: {low: 1000, high: 9000, period: 1}}, meter: ideal, mean_s: ";
  Site sample(load + "0");
  Site fifth(load + "0.2");
  Site second(load + "1");
  for (Site* site : {&sample, &fifth, &second}) site->skip_to(10.1);  // 0.1 s into the high half
  CHECK(sample.power_w() == doctest::Approx(9000));
  CHECK(fifth.power_w() == doctest::Approx(5000).epsilon(0.2));
  CHECK(second.power_w() == doctest::Approx(5000));
}

TEST_CASE("answers take a random time, and their values are of a moment within") {
  Site site(
      "base_power: {schedule: {period: 1000, points: [[0, 0], [1000, 36e6]]}}, "
      "meter: ideal, latency_ms: [20, 60]");
  bool any_late = false;
  for (int i = 0; i < 12; ++i) {
    const double begin = site.state->now();
    const double power = site.power_w();
    const double seconds = site.state->now() - begin;
    CHECK(seconds >= 0.020);
    CHECK(power >= begin * 36e3 * (1 - kFloat32));
    CHECK(power <= (begin + seconds) * 36e3 * (1 + kFloat32));
    any_late = any_late || power > (begin + 0.012) * 36e3;
  }
  CHECK(any_late);
}

TEST_CASE("energies stand still while power flows") {
  Site site("base_power: {constant: 36e3, square: {high: 36e3, period: 200}}, meter: ideal");
  site.skip_to(50);
  site.run("meter m energy_freeze on");
  const double stopped = site.energy_wh();
  CHECK(site.power_w() == doctest::Approx(72e3));
  site.skip_to(150);
  CHECK(site.energy_wh() == stopped);
  CHECK(site.power_w() == doctest::Approx(36e3));
  site.run("meter m energy_freeze off");
  CHECK(site.energy_wh() == doctest::Approx(site.true_wh(150)).epsilon(slack));
}

TEST_CASE("energies fall to 0 for seconds, with power or without") {
  Site site("base_power: 36e3, meter: ideal");
  site.skip_to(100);
  site.run("meter m energy_zero on");
  CHECK(site.energy_wh() == 0);
  CHECK(site.power_w() == doctest::Approx(36e3));
  site.run("meter m energy_zero off");
  site.run("meter m zero on");
  CHECK(site.energy_wh() == 0);
  CHECK(site.power_w() == 0);
  site.run("meter m zero off");
  CHECK(site.energy_wh() == doctest::Approx(site.true_wh(100)).epsilon(slack));
}

TEST_CASE("energies dip by a few Wh and go on from there") {
  Site site("base_power: 36e3, meter: ideal");
  site.skip_to(100);
  site.run("meter m energy_dip 400");
  CHECK(site.energy_wh() == doctest::Approx(site.true_wh(100) - 400).epsilon(slack));
  site.skip_to(200);
  CHECK(site.energy_wh() == doctest::Approx(site.true_wh(200) - 400).epsilon(slack));
}

TEST_CASE("energies begin anew when the meter is replaced, in steps too") {
  Site site("base_power: 36e3, refresh_phase_s: 0");
  site.skip_to(100.5);
  site.run("meter m counter_reset on");
  CHECK(site.energy_wh() == 0);
  site.skip_to(105.5);
  CHECK(site.energy_wh() == doctest::Approx(40));  // 45 Wh at the last refresh
}

TEST_CASE("a meter that cannot be is refused") {
  CHECK_THROWS_AS(load_text("{meters: [{name: a, meter: perfect}]}"), LoadError);
  CHECK_THROWS_AS(load_text("{meters: [{name: a, refresh_s: -1}]}"), LoadError);
  CHECK_THROWS_AS(load_text("{meters: [{name: a, latency_ms: [9, 3]}]}"), LoadError);
}
