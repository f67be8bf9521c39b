// The fault switches' language and the truth as JSON.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <limits>

#include "commands.h"
#include "truth.h"

using namespace rack;

namespace {

struct ControlFixture {
  std::string path = "/tmp/rack-control-test-" + std::to_string(getpid());
  std::string script = std::string(RACK_LOADS) + "/two_meters.yml";
  Load load = load_file(script);
  StatePtr state = create_state(path, script);
  ~ControlFixture() { std::filesystem::remove(path); }

  boost::json::object run(const std::string& line) const { return execute(words_of(line), load, *state); }
};

}  // namespace

TEST_CASE_FIXTURE(ControlFixture, "a switch is seen through another mapping") {
  const StatePtr other = open_state(path);
  run("meter feed-b late 700");
  CHECK(other->meters[1][MeterFault::late].load() == 700);
  run("meter feed-b late off");
  CHECK(other->meters[1][MeterFault::late].load() == 0);
  run("meter all silent");
  CHECK(other->meters[2][MeterFault::silent].load() == 1);
  run("gpu all lost on");
  CHECK(other->gpus[1][GpuFault::lost].load() == 1);
  CHECK(run("status").at("gpus").as_object().size() == 2);
  run("clear");
  CHECK(run("status").at("gpus").as_object().empty());
  CHECK(other->meters[2][MeterFault::silent].load() == 0);
}

TEST_CASE_FIXTURE(ControlFixture, "what it does not know it refuses") {
  for (const char* line :
       {"meter nobody silent", "meter feed-a sulk", "meter feed-a silent 5", "gpu 7 hang", "gpu 0 silent",
        "dance", "", "truth --since=3", "truth --gpus=9", "truth --at=soon"})
    CHECK_THROWS_AS(run(line), std::invalid_argument);
}

TEST_CASE_FIXTURE(ControlFixture, "truth sums energy and work of an interval") {
  const auto truth = run("truth --from=+5 --until=+25 --gpus=0 --meters=feed-a");
  const auto& sum = truth.at("sum").as_object();
  CHECK(sum.at("flop").as_double() == doctest::Approx(flop(load.gpus[0], 5, 25)));
  CHECK(sum.at("meter_energy_j").as_double() == doctest::Approx(load.meters[0].power.integral(5, 25)));
  CHECK(sum.at("joules_per_flop").as_double() ==
        doctest::Approx(load.meters[0].power.integral(5, 25) / flop(load.gpus[0], 5, 25)));
  CHECK(truth.at("gpus").as_object().at("0").as_object().at("imma_op").as_double() > 0);
}

TEST_CASE_FIXTURE(ControlFixture, "Unix times keep their nanoseconds") {
  const std::int64_t at = state->start_realtime_ns + 12'345'678'901;
  const std::string digits = std::to_string(at);
  const auto truth = run("truth --at=" + digits.substr(0, 10) + "." + digits.substr(10));
  CHECK(truth.at("at_s").as_double() == doctest::Approx(12.345678901).epsilon(1e-12));
}
