// The stand-in NVML library, opened as the product opens the real one, against the truth.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "commands.h"
#include "nvml/abi.h"
#include "truth.h"

using namespace rack;
using namespace rack::nvml;

namespace {

struct LibraryFixture {
  std::string path = "/tmp/rack-nvml-test-" + std::to_string(getpid());
  std::string script = std::string(RACK_LOADS) + "/two_meters.yml";
  Load load = load_file(script);
  StatePtr state = create_state(path, script);
  void* library = dlopen(RACK_LIBRARY, RTLD_NOW | RTLD_LOCAL);

  LibraryFixture() {
    REQUIRE(library);
    setenv("RACK_STATE", path.c_str(), 1);
  }
  ~LibraryFixture() {
    while (call("nvmlDeviceGetCount_v2", static_cast<unsigned*>(nullptr)) != kUninitialized)
      call("nvmlShutdown");
    std::filesystem::remove(path);
  }

  template <class... Args>
  Return call(const char* name, Args... args) const {
    const auto function = reinterpret_cast<Return (*)(Args...)>(dlsym(library, name));
    REQUIRE((function != nullptr));
    return function(args...);
  }
  Device device(unsigned index) const {
    Device handle = nullptr;
    REQUIRE(call("nvmlDeviceGetHandleByIndex_v2", index, &handle) == kSuccess);
    return handle;
  }
  void run(const std::string& line) const { execute(words_of(line), load, *state); }
};

void wait_for(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

}  // namespace

TEST_CASE_FIXTURE(LibraryFixture, "nothing works before init, and init counts") {
  unsigned count = 0;
  CHECK(call("nvmlDeviceGetCount_v2", &count) == kUninitialized);
  CHECK(call("nvmlInit_v2") == kSuccess);
  CHECK(call("nvmlInitWithFlags", 0U) == kSuccess);
  CHECK(call("nvmlShutdown") == kSuccess);
  CHECK(call("nvmlDeviceGetCount_v2", &count) == kSuccess);
  CHECK(count == 2);
  CHECK(call("nvmlShutdown") == kSuccess);
  CHECK(call("nvmlShutdown") == kSuccess);
  CHECK(call("nvmlDeviceGetCount_v2", &count) == kUninitialized);
  unsetenv("RACK_STATE");
  CHECK(call("nvmlInit_v2") == kDriverNotLoaded);
}

TEST_CASE_FIXTURE(LibraryFixture, "identity, sizes and versions are checked as strictly as by the real one") {
  REQUIRE(call("nvmlInit_v2") == kSuccess);
  char text[96];
  CHECK(call("nvmlDeviceGetName", device(0), text, 96U) == kSuccess);
  CHECK(std::string(text) == "NVIDIA H100 80GB HBM3");
  CHECK(call("nvmlDeviceGetName", device(0), text, 21U) == kInsufficientSize);
  CHECK(call("nvmlDeviceGetName", static_cast<Device>(nullptr), text, 96U) == kInvalidArgument);
  CHECK(call("nvmlDeviceGetUUID", device(1), text, 96U) == kSuccess);
  Device same = nullptr;
  CHECK(call("nvmlDeviceGetHandleByUUID", static_cast<const char*>(text), &same) == kSuccess);
  CHECK(same == device(1));
  PciInfo pci{};
  CHECK(call("nvmlDeviceGetPciInfo_v3", device(1), &pci) == kSuccess);
  CHECK(std::strlen(pci.bus_id) == 16);
  CHECK(call("nvmlDeviceGetHandleByPciBusId_v2", static_cast<const char*>(pci.bus_id), &same) == kSuccess);
  CHECK(same == device(1));
  MemoryV2 memory{};
  CHECK(call("nvmlDeviceGetMemoryInfo_v2", device(0), &memory) == kVersionMismatch);
  memory.version = kMemoryV2Version;
  CHECK(call("nvmlDeviceGetMemoryInfo_v2", device(0), &memory) == kSuccess);
  CHECK(memory.total == memory.free + memory.used + memory.reserved);
  unsigned cores = 0;
  CHECK(call("nvmlDeviceGetNumGpuCores", device(0), &cores) == kSuccess);
  CHECK(cores == 132 * 128);
}

TEST_CASE_FIXTURE(LibraryFixture, "the energy counter follows the truth") {
  REQUIRE(call("nvmlInit_v2") == kSuccess);
  wait_for(150);
  FieldValue fields[4] = {};
  fields[0].field_id = 83;
  fields[1].field_id = 185;
  fields[2].field_id = 186;
  fields[3].field_id = 9999;
  REQUIRE(call("nvmlDeviceGetFieldValues", device(0), 4, &fields[0]) == kSuccess);
  CHECK(fields[0].status == kSuccess);
  CHECK(fields[0].value_type == kUnsignedLongLong);
  const double at = static_cast<double>(fields[0].timestamp * 1000 - state->start_realtime_ns) * 1e-9;
  CHECK(static_cast<double>(fields[0].value.as_unsigned_long_long) / 1000 ==
        doctest::Approx(load.gpus[0].power.integral(0, at)).epsilon(1e-3));
  CHECK(fields[1].status == kSuccess);
  CHECK(fields[2].value.as_unsigned > 100'000);
  CHECK(fields[3].status == kNotSupported);
  // GA100 has no averaged field.
  REQUIRE(call("nvmlDeviceGetFieldValues", device(1), 4, &fields[0]) == kSuccess);
  CHECK(fields[1].status == kNotSupported);
  run("gpu 0 energy_reset on");
  unsigned long long energy = 99;
  CHECK(call("nvmlDeviceGetTotalEnergyConsumption", device(0), &energy) == kSuccess);
  CHECK(energy < 90'000);
}

namespace {

struct Metrics {
  GpmMetricsGet head;
  GpmMetric more[12];
};

}  // namespace

TEST_CASE_FIXTURE(LibraryFixture, "GPM gives the mean activity between two samples") {
  REQUIRE(call("nvmlInit_v2") == kSuccess);
  GpmSupport support{1, 9};
  CHECK(call("nvmlGpmQueryDeviceSupport", device(1), &support) == kSuccess);
  CHECK(support.is_supported == 0);
  CHECK(call("nvmlGpmQueryDeviceSupport", device(0), &support) == kSuccess);
  CHECK(support.is_supported == 1);
  Metrics get{};
  get.head.version = 1;
  get.head.count = 3;
  REQUIRE(call("nvmlGpmSampleAlloc", &get.head.sample1) == kSuccess);
  REQUIRE(call("nvmlGpmSampleAlloc", &get.head.sample2) == kSuccess);
  CHECK(call("nvmlGpmMetricsGet", &get.head) == kInvalidArgument);
  CHECK(call("nvmlGpmSampleGet", device(1), get.head.sample1) == kNotSupported);
  CHECK(call("nvmlGpmSampleGet", device(0), get.head.sample1) == kSuccess);
  CHECK(call("nvmlGpmSampleGet", device(0), get.head.sample2) == kSuccess);
  CHECK(call("nvmlGpmMetricsGet", &get.head) == kNoData);
  wait_for(150);
  CHECK(call("nvmlGpmSampleGet", device(0), get.head.sample2) == kSuccess);
  get.head.metrics[0].metric_id = 7;
  get.more[0].metric_id = 11;
  get.more[1].metric_id = 20;
  REQUIRE(call("nvmlGpmMetricsGet", &get.head) == kSuccess);
  CHECK(get.head.metrics[0].value == doctest::Approx(70));  // within the square's high half
  CHECK(get.more[0].value == doctest::Approx(5));
  CHECK(get.more[1].status == kNotSupported);
  run("gpu 0 no_gpm on");
  CHECK(call("nvmlGpmSampleGet", device(0), get.head.sample2) == kNotSupported);
  CHECK(call("nvmlGpmSampleFree", get.head.sample1) == kSuccess);
  CHECK(call("nvmlGpmSampleFree", get.head.sample1) == kInvalidArgument);
  CHECK(call("nvmlGpmSampleFree", get.head.sample2) == kSuccess);
}

TEST_CASE_FIXTURE(LibraryFixture, "a lost GPU says so, a hung one says nothing until it is released") {
  REQUIRE(call("nvmlInit_v2") == kSuccess);
  const Device lost = device(0);
  const Device well = device(1);
  unsigned power = 0;
  run("gpu 0 lost on");
  CHECK(call("nvmlDeviceGetPowerUsage", lost, &power) == kGpuIsLost);
  CHECK(call("nvmlDeviceGetPowerUsage", well, &power) == kSuccess);
  run("gpu 0 lost off");
  run("gpu 0 hang on");
  std::atomic<bool> returned = false;
  std::thread caller([&] {
    unsigned reading = 0;
    call("nvmlDeviceGetPowerUsage", lost, &reading);
    returned = true;
  });
  wait_for(150);
  CHECK_FALSE(returned);
  CHECK(call("nvmlDeviceGetPowerUsage", well, &power) == kSuccess);
  run("gpu 0 hang off");
  caller.join();
  CHECK(returned);
}
