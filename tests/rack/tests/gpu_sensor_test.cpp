// What GPUs of the field tell of the truth: sensors that see a part of the time, clocks that follow the load, calls
// that take long, and energy counters that go wrong. All is asked of the library, as the product asks it.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "commands.h"
#include "nvml/abi.h"
#include "tests/skip.h"
#include "truth.h"

using namespace rack;
using namespace rack::nvml;

namespace {

// A rack of one H100. The keys are those of the GPU.
struct Node {
  explicit Node(const std::string& keys) {
    std::ofstream(script) << "gpus: [{" << keys << "}]\n";
    load = load_file(script);
    state = create_state(path, script);
    setenv("RACK_STATE", path.c_str(), 1);
    REQUIRE(library);
    REQUIRE(call("nvmlInit_v2") == kSuccess);
    REQUIRE(call("nvmlDeviceGetHandleByIndex_v2", 0U, &device) == kSuccess);
  }
  ~Node() {
    call("nvmlShutdown");
    std::filesystem::remove(path);
    std::filesystem::remove(script);
  }

  template <class... Args>
  Return call(const char* name, Args... args) const {
    const auto function = reinterpret_cast<Return (*)(Args...)>(dlsym(library, name));
    REQUIRE((function != nullptr));
    return function(args...);
  }
  double joules() const {
    unsigned long long mj = 0;
    CHECK(call("nvmlDeviceGetTotalEnergyConsumption", device, &mj) == kSuccess);
    return static_cast<double>(mj) / 1000;
  }
  double field_watts(unsigned id) const {
    FieldValue field{};
    field.field_id = id;
    CHECK(call("nvmlDeviceGetFieldValues", device, 1, &field) == kSuccess);
    return field.value.as_unsigned / 1000.0;
  }
  double clock_mhz() const {
    unsigned mhz = 0;
    CHECK(call("nvmlDeviceGetClockInfo", device, 1, &mhz) == kSuccess);
    return mhz;
  }
  // The share of its cycles in which HMMA was active, from one time to another.
  double hmma_ratio(double from, double until) const {
    GpmMetricsGet get{};
    get.version = 1;
    get.count = 1;
    get.metrics[0].metric_id = 7;
    for (GpmSample* sample : {&get.sample1, &get.sample2}) {
      REQUIRE(call("nvmlGpmSampleAlloc", sample) == kSuccess);
      skip_to(sample == &get.sample1 ? from : until);
      REQUIRE(call("nvmlGpmSampleGet", device, *sample) == kSuccess);
    }
    CHECK(call("nvmlGpmMetricsGet", &get) == kSuccess);
    call("nvmlGpmSampleFree", get.sample1);
    call("nvmlGpmSampleFree", get.sample2);
    return get.metrics[0].value / 100;
  }
  void skip_to(double t) const { rack::skip_to(*state, t); }
  void run(const std::string& line) const { execute(words_of(line), load, *state); }

  std::string path = "/tmp/rack-gpu-sensor-test-" + std::to_string(getpid());
  std::string script = path + ".yml";
  Load load;
  StatePtr state;
  void* library = dlopen(RACK_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  Device device = nullptr;
};

// High for the last 30 ms of each 100 ms: a sensor that sees 25 ms of them sees nothing else.
constexpr const char* kHidden =
    "idle_power: 100, other_power: {square: {low: 0, high: 400, period: 0.1, duty: 0.3, delay: 0.07}}";
constexpr unsigned kPowerAverage = 185;
constexpr unsigned kPowerInstant = 186;

}  // namespace

TEST_CASE("a sensor that sees 25 ms of each 100 ms misses the rest, in power and in the counter") {
  double whole = 0;
  {
    const Node node(kHidden);
    node.skip_to(100.05);
    whole = node.joules();
    CHECK(whole == doctest::Approx(node.load.gpus[0].power.integral(0, 100)));
  }
  const Node node(std::string(kHidden) + ", sensed_s: 0.025");
  node.skip_to(100.05);
  CHECK(node.joules() == doctest::Approx(500 * 100));
  CHECK(whole == doctest::Approx(220 * 100));
  CHECK(node.field_watts(kPowerInstant) == doctest::Approx(500));
  CHECK(node.field_watts(kPowerAverage) == doctest::Approx(500));
  node.skip_to(200.05);
  CHECK(node.joules() == doctest::Approx(500 * 200));
  node.run("gpu 0 energy_reset on");
  node.skip_to(300.05);
  CHECK(node.joules() == doctest::Approx(500 * 100).epsilon(0.01));
  CHECK(node.load.gpus[0].power.integral(0, 100) ==
        doctest::Approx(220 * 100));  // the truth knows nothing of it
}

TEST_CASE("a sensor that sees all of each 100 ms tells the truth") {
  const Node node(std::string(kHidden) + ", sensed_s: 0.1");
  node.skip_to(100.05);
  CHECK(node.joules() == doctest::Approx(220 * 100));
}

TEST_CASE("the clock follows the load, and the work is what it was") {
  const Node node(
      "sm_clock: 1980, idle_power: 100, busy_power: 700, busy_drop: 0.25, "
      "activity: {hmma: {square: {low: 0, high: 0.6, period: 20}}}");
  const Gpu& gpu = node.load.gpus[0];
  node.skip_to(5);
  CHECK(node.clock_mhz() == 1485);
  node.skip_to(15);
  CHECK(node.clock_mhz() == 1980);
  // While it is busy all the time, of its 1485 million cycles a second as many are active as of 1980.
  CHECK(node.hmma_ratio(21, 29) == doctest::Approx(0.8));
  // Over a whole period the active cycles are shares of those that elapsed.
  const double ratio = node.hmma_ratio(40, 60);
  const double rate = 4096.0 * gpu.sm_count();
  CHECK(ratio * rate * 20 * (1485 + 1980) / 2 * 1e6 == doctest::Approx(flop(gpu, 40, 60)).epsilon(1e-3));
  CHECK(flop(gpu, 40, 60) == doctest::Approx(10 * 0.6 * rate * 1980e6));
}

TEST_CASE("a counter stands still, reads 0 for seconds, and is right again") {
  const Node node("idle_power: 500, energy_offset_j: 1e6");
  node.skip_to(100);
  node.run("gpu 0 energy_freeze on");
  const double stopped = node.joules();
  CHECK(stopped == doctest::Approx(1e6 + 50e3).epsilon(1e-3));
  node.skip_to(200);
  CHECK(node.joules() == stopped);
  CHECK(node.field_watts(kPowerInstant) == doctest::Approx(500));
  node.run("gpu 0 energy_freeze off");
  CHECK(node.joules() == doctest::Approx(1e6 + 100e3).epsilon(1e-3));
  node.run("gpu 0 energy_zero on");
  CHECK(node.joules() == 0);
  node.run("gpu 0 energy_zero off");
  CHECK(node.joules() == doctest::Approx(1e6 + 100e3).epsilon(1e-3));
}

TEST_CASE("a counter that is 43 % low does not agree with power") {
  const Node node("idle_power: 500, counter_gain: 0.57");
  node.skip_to(100.05);
  CHECK(node.joules() == doctest::Approx(0.57 * 500 * 100));
  CHECK(node.field_watts(kPowerInstant) == doctest::Approx(500));
}

TEST_CASE("a slow library takes its time, and its values have the time of their sensor") {
  const Node node("idle_power: 500, latency_ms: [120, 180]");
  node.skip_to(10.05);
  FieldValue field{};
  field.field_id = 83;
  const auto begin = std::chrono::steady_clock::now();
  const double told_us = static_cast<double>(realtime_ns()) / 1000;
  CHECK(node.call("nvmlDeviceGetFieldValues", node.device, 1, &field) == kSuccess);
  CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(120));
  CHECK(static_cast<double>(field.timestamp) == doctest::Approx(told_us - 50e3).epsilon(1e-11));
}

TEST_CASE("a GPU that cannot be is refused") {
  CHECK_THROWS_AS(load_text("{gpus: {count: 1, sensed_s: 0.2}}"), LoadError);
  CHECK_THROWS_AS(load_text("{gpus: {count: 1, busy_drop: 0.3}}"), LoadError);  // it is never busy
  CHECK_THROWS_AS(load_text("{gpus: {count: 1, busy_drop: 0.3, activity: {hmma: 0.9}}}"), LoadError);
}
