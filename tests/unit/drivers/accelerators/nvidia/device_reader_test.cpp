#include "drivers/accelerators/nvidia/device_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "drivers/accelerators/nvidia/pipes.h"
#include "drivers/accelerators/nvidia/power_sensor.h"
#include "fake_library.h"
#include "runtime/clock.h"

namespace flopwatt::nvidia {
namespace {

using accelerators::DeviceIdentity;
using accelerators::DeviceReading;

using namespace std::chrono_literals;

/// The stand-in library with a reader that has found its devices.
struct Bench {
  explicit Bench(const std::string& text, const char* path = FAKE_NVML) {
    script.says(text);
    auto opened = NvmlLibrary::open(path);
    REQUIRE(opened);
    const std::shared_ptr<NvmlLibrary> library = std::move(*opened);
    reader =
        std::make_unique<DeviceReader>(std::shared_ptr<const NvmlFunctions>(library, &library->functions()));
    found = reader->find_devices().has_value();
  }

  DeviceReading good(std::size_t index = 0) const {
    auto result = reader->read(index);
    REQUIRE(result);
    return *result;
  }

  /// A raw number of the reading; nullopt where it is absent, or there is no such figure.
  std::optional<double> number(const DeviceReading& reading, Quantity quantity, std::size_t index = 0) const {
    const auto& figures = reader->identity(index).figures;
    REQUIRE(reading.numbers.size() == figures.size());
    for (std::size_t i = 0; i < figures.size(); ++i)
      if (figures[i].field.channel.quantity == quantity && is_known(reading.numbers[i]))
        return reading.numbers[i];
    return std::nullopt;
  }
  std::optional<double> number(Quantity quantity) const { return number(good(), quantity); }

  /// As the agent does: asks until the back-off is over and the device was found again. Returns its first
  /// reading.
  std::optional<DeviceReading> comes_back_within(std::chrono::seconds limit) const {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      changed = reader->look_again();
      if (auto result = reader->read(0)) return *result;
      std::this_thread::sleep_for(5ms);
    }
    return std::nullopt;
  }

  FakeScript script;
  std::unique_ptr<DeviceReader> reader;
  bool found = false;
  mutable bool changed = false;  ///< whether the last look found another identity
};

}  // namespace

TEST_CASE("a device tells who it is and what it can") {
  const Bench bench("");
  REQUIRE(bench.reader->size() == 1);
  const DeviceIdentity& identity = bench.reader->identity(0);
  CHECK(identity.pci == "0000:4a:00.0");
  CHECK(identity.uuid == "GPU-0");
  CHECK(identity.name == "NVIDIA H100 80GB HBM3");
  CHECK(identity.serial == "1650");
  CHECK(identity.architecture == "9.0");
  CHECK(identity.cores == 16896);
  CHECK(identity.energy_source == EnergySource::counter);
  CHECK(identity.sensor == PowerSensor{25ms, 100ms});
  CHECK(std::ranges::equal(identity.activity, pipes));
  CHECK(bench.reader->driver_version() == "570.86.15");
}

TEST_CASE("how the sensor looks at the load is a matter of the architecture") {
  CHECK(power_sensor(8, 0) == PowerSensor{25ms, 100ms});
  CHECK(power_sensor(8, 9).unseen_share() == 0);
  CHECK(power_sensor(7, 0).unseen_share() == 0.5);
  CHECK(power_sensor(10, 0) == PowerSensor{});  // nobody has measured it
  CHECK(PowerSensor{}.unseen_share() == 0);
}

TEST_CASE("devices are in PCI order whatever their index") {
  const Bench bench("devices 3\n0.pci 00000000:C1:00.0\n1.pci 00000000:41:00.0\n2.pci 00000000:9A:00.0");
  REQUIRE(bench.reader->size() == 3);
  CHECK(bench.reader->identity(0).pci == "0000:41:00.0");
  CHECK(bench.reader->identity(0).uuid == "GPU-1");
  CHECK(bench.reader->identity(1).pci == "0000:9a:00.0");
  CHECK(bench.reader->identity(2).pci == "0000:c1:00.0");
}

TEST_CASE("every figure is read in its own unit; power is the instant one") {
  const Bench bench("0.energy 18446744073709549568");  // the largest that the script's double holds
  const DeviceReading reading = bench.good();
  CHECK(bench.number(reading, Quantity::power) == 412'345);
  CHECK(bench.number(reading, Quantity::energy) == 18446744073709549568ULL);
  CHECK(bench.number(reading, Quantity::power_limit) == 700'000);
  CHECK(bench.number(reading, Quantity::utilization) == 97);
  CHECK(bench.number(reading, Quantity::core_clock) == 1980);
  CHECK(bench.number(reading, Quantity::memory_used) == 1'000'000'000);
  CHECK(bench.number(reading, Quantity::memory_total) == 85'520'809'984);
  CHECK(bench.number(reading, Quantity::temperature) == 61);
}

TEST_CASE("fields fail one by one and are taken from the older calls") {
  const Bench bench("0.field.83 3\n0.field.186 2\n0.energy 777");
  const DeviceReading reading = bench.good();
  CHECK(bench.number(reading, Quantity::power) == 400'000);  // nvmlDeviceGetPowerUsage
  CHECK(bench.number(reading, Quantity::energy) == 777);     // nvmlDeviceGetTotalEnergyConsumption
}

TEST_CASE("a library of 2018 has neither fields nor an energy counter nor pipes") {
  const Bench bench("", FAKE_NVML_OLD);
  const DeviceIdentity& identity = bench.reader->identity(0);
  CHECK(identity.energy_source == EnergySource::integrated);
  CHECK(identity.activity.empty());
  CHECK(identity.no_activity_reason.find("FUNCTION_NOT_FOUND") != std::string::npos);
  const DeviceReading reading = bench.good();
  CHECK(bench.number(reading, Quantity::power) == 400'000);
  CHECK_FALSE(bench.number(reading, Quantity::energy));
  CHECK_FALSE(reading.activity);
}

TEST_CASE("a device has an energy counter unless it says that it has none") {
  const auto has_energy_counter = [](const std::string& code) {
    const Bench bench("0.field.83 3\n0.nvmlDeviceGetTotalEnergyConsumption " + code);
    CHECK_FALSE(bench.number(Quantity::energy));
    bench.script.says("");
    const bool counter = bench.reader->identity(0).energy_source == EnergySource::counter;
    CHECK(bench.number(Quantity::energy).has_value() == counter);
    return counter;
  };
  CHECK_FALSE(has_energy_counter("3"));  // NOT_SUPPORTED
  CHECK(has_energy_counter("999"));      // once
}

TEST_CASE("a device has power unless it says that it has none") {
  const std::string no_counter = "0.field.83 3\n0.nvmlDeviceGetTotalEnergyConsumption 3\n";
  const Bench none(no_counter + "0.field.186 3\n0.nvmlDeviceGetPowerUsage 3");
  CHECK(none.reader->identity(0).energy_source == EnergySource::none);
  const Bench failing(no_counter + "0.field.186 3\n0.nvmlDeviceGetPowerUsage 10");
  CHECK(failing.reader->identity(0).energy_source == EnergySource::integrated);
}

TEST_CASE("what a device does not offer is absent, the rest is read") {
  const Bench bench("0.nvmlDeviceGetUtilizationRates 3\n0.nvmlDeviceGetTemperature 999\n0.use 250");
  const DeviceReading reading = bench.good();
  CHECK_FALSE(bench.number(reading, Quantity::utilization));
  CHECK_FALSE(bench.number(reading, Quantity::temperature));
  CHECK(bench.number(reading, Quantity::power));
}

TEST_CASE("a utilisation beyond 100 per cent is no utilisation") {
  const Bench bench("0.use 101");
  CHECK_FALSE(bench.number(Quantity::utilization));
}

TEST_CASE("a reading's time is the library's own stamp, on both clocks") {
  const Bench bench("0.stamp -40000");
  const Moment before = now();
  const DeviceReading reading = bench.good();
  const Moment after = now();
  CHECK(reading.time.wall_us >= before.wall_us - 40'000);
  CHECK(reading.time.wall_us <= after.wall_us - 40'000);
  CHECK(reading.time.monotonic_us >= before.monotonic_us - 41'000);
  CHECK(reading.time.monotonic_us <= after.monotonic_us - 39'000);
  CHECK(reading.half_duration_us <= (after.monotonic_us - before.monotonic_us) / 2 + 1);
}

TEST_CASE("a stamp of another clock is not taken: the midpoint of the calls is") {
  for (const char* const wrong : {"0.stamp -5000000", "0.stamp 5000000", ""}) {
    CAPTURE(wrong);
    const Bench bench(wrong);
    const Moment before = now();
    const DeviceReading reading = bench.good();
    const Moment after = now();
    CHECK(reading.time.wall_us >= before.wall_us);
    CHECK(reading.time.wall_us <= after.wall_us);
    CHECK(reading.time.monotonic_us >= before.monotonic_us);
    CHECK(reading.time.monotonic_us <= after.monotonic_us);
  }
}

TEST_CASE("pipe activity is known from the second reading on") {
  const Bench bench("0.metric.7 52.5\n0.metric.12 12\n0.metric.13 nan\n0.metric_status.9 21");
  const DeviceReading first = bench.good();
  CHECK(first.activity_sampled);
  CHECK_FALSE(first.activity);
  const auto begun = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(gpm_min_distance);
  const DeviceReading second = bench.good();
  const double longest = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  REQUIRE(second.activity);
  CHECK(second.activity->ratios[hmma_pipe] == 0.525);
  CHECK(second.activity->ratios[fp32_pipe] == 0.12);
  CHECK(second.activity->ratios[dfma_pipe] == 0.0);
  CHECK_FALSE(is_known(second.activity->ratios[fp16_pipe]));  // NaN
  CHECK_FALSE(is_known(second.activity->ratios[imma_pipe]));  // NO_DATA
  CHECK(second.activity->clock_begin_hz == 1.98e9);
  CHECK(second.activity->clock_end_hz == 1.98e9);
  CHECK(second.activity->seconds >= 0.105);
  CHECK(second.activity->seconds <= longest + 0.05);
}

TEST_CASE("two readings closer than the library refreshes take no second sample") {
  const Bench bench("0.metric.7 50");
  CHECK(bench.good().activity_sampled);
  const DeviceReading close = bench.good();
  CHECK_FALSE(close.activity_sampled);
  CHECK_FALSE(close.activity);
  std::this_thread::sleep_for(gpm_min_distance);
  CHECK(bench.good().activity);  // measured from the first
}

TEST_CASE("the clock of each end is that of its moment") {
  const Bench bench("0.clock 1200");
  bench.good();
  bench.script.says("0.clock 1500");
  std::this_thread::sleep_for(gpm_min_distance);
  const DeviceReading second = bench.good();
  REQUIRE(second.activity);
  CHECK(second.activity->clock_begin_hz == 1.2e9);
  CHECK(second.activity->clock_end_hz == 1.5e9);
}

TEST_CASE("cycles are the growth of their counter from sample to sample, where there is one") {
  const Bench bench("0.metric.248 1e15\n0.clock 1200");
  const auto next = [&bench](const std::string& script) {
    bench.script.says(script);
    std::this_thread::sleep_for(gpm_min_distance);
    const DeviceReading reading = bench.good();
    REQUIRE(reading.activity);
    return *reading.activity;
  };
  bench.good();
  CHECK_FALSE(is_known(next("0.metric.248 1e15\n0.clock 1200").cycles));  // of the first sample none is known
  const auto third = next("0.metric.248 1000000200000000\n0.clock 1500");
  CHECK(third.cycles == 2e8);
  CHECK(third.clock_before_hz == 1.2e9);
  CHECK_FALSE(is_known(next("0.metric.248 7").cycles));  // it began anew
  CHECK(next("0.metric.248 9").cycles == 2);
  CHECK_FALSE(is_known(next("0.metric.248 11\n0.metric_status.248 21").cycles));  // NO_DATA, for once
  CHECK_FALSE(is_known(next("0.metric.248 12").cycles));
  CHECK(next("0.metric.248 13").cycles == 1);
}

TEST_CASE("a driver that counts no cycles still tells its pipes, and is not asked again") {
  const Bench bench("0.metric.7 50\n0.metric_status.248 2");
  bench.good();
  bench.script.says("0.metric.7 50\n0.metric.248 100");
  for (int i = 0; i < 2; ++i) {
    std::this_thread::sleep_for(gpm_min_distance);
    const DeviceReading reading = bench.good();
    REQUIRE(reading.activity);
    CHECK(reading.activity->ratios[hmma_pipe] == 0.5);
    CHECK_FALSE(is_known(reading.activity->cycles));
  }
}

TEST_CASE("a sample that failed breaks the chain: the next reading has no activity") {
  const Bench bench("");
  bench.good();
  bench.script.says("0.nvmlGpmSampleGet 999");
  std::this_thread::sleep_for(gpm_min_distance);
  const DeviceReading broken = bench.good();
  CHECK_FALSE(broken.activity_sampled);
  CHECK_FALSE(broken.activity);
  CHECK(bench.number(broken, Quantity::power));
  bench.script.says("");
  const DeviceReading after = bench.good();
  CHECK(after.activity_sampled);
  CHECK_FALSE(after.activity);
}

TEST_CASE("GPM that is claimed but does not work is not offered") {
  SUBCASE("no support") {
    const Bench bench("0.gpm 0");
    CHECK(bench.reader->identity(0).activity.empty());
    CHECK(bench.reader->identity(0).no_activity_reason.find("NOT_SUPPORTED") != std::string::npos);
  }
  SUBCASE("samples fail") {
    const Bench bench("0.nvmlGpmSampleGet 4");
    CHECK(bench.reader->identity(0).activity.empty());
    CHECK(bench.reader->identity(0).no_activity_reason.find("NO_PERMISSION") != std::string::npos);
  }
  SUBCASE("no metric is told") {
    const Bench bench("0.nvmlGpmMetricsGet 999");
    CHECK(bench.reader->identity(0).activity.empty());
    CHECK_FALSE(bench.good().activity_sampled);
  }
}

TEST_CASE("a lost device is down by itself and comes back") {
  const Bench bench("devices 2");
  for (const char* const code : {"0.all 15", "0.all 16"}) {
    CAPTURE(code);
    bench.script.says(std::string("devices 2\n") + code);
    const auto lost = bench.reader->read(0);
    REQUIRE_FALSE(lost);
    CHECK(std::to_string(lost.error().code) == std::string(code).substr(6));
    CHECK(lost.error().text.find("0000:4a:00.0") != std::string::npos);
    CHECK(bench.reader->read(1));
    bench.script.says("devices 2");
    CHECK_FALSE(bench.reader->read(0));  // its handle is dropped: it must be found again first
    const auto back = bench.comes_back_within(5s);
    REQUIRE(back);
    CHECK_FALSE(bench.changed);
    CHECK(back->activity_sampled);
    CHECK_FALSE(back->activity);
    CHECK(bench.reader->identity(0).uuid == "GPU-0");
    CHECK_FALSE(bench.reader->identity(0).activity.empty());
  }
}

TEST_CASE("a lost device whose address the library remembers stays the device it was") {
  const Bench bench("");
  const DeviceIdentity before = bench.reader->identity(0);
  bench.script.says("0.all 15");
  CHECK_FALSE(bench.reader->read(0));
  bench.script.says("0.nvmlDeviceGetUUID 15\n0.nvmlDeviceGetName 15\n0.nvmlDeviceGetPowerUsage 15");
  CHECK_FALSE(bench.comes_back_within(2s));  // it was looked for after 1 s
  CHECK(bench.reader->identity(0) == before);
}

TEST_CASE("a card that was replaced keeps its place and has another uuid") {
  const Bench bench("devices 2");
  bench.script.says("devices 2\n0.all 15");
  CHECK_FALSE(bench.reader->read(0));
  bench.script.says("devices 2\n0.uuid GPU-new");
  CHECK(bench.comes_back_within(5s));
  CHECK(bench.changed);
  REQUIRE(bench.reader->size() == 2);
  CHECK(bench.reader->identity(0).uuid == "GPU-new");
  CHECK(bench.reader->identity(0).pci == "0000:4a:00.0");
}

TEST_CASE("a device that cannot be opened at first is found later, without moving the others") {
  const Bench bench("devices 2\n0.nvmlDeviceGetHandleByIndex_v2 15");
  REQUIRE(bench.reader->size() == 1);
  CHECK(bench.reader->identity(0).uuid == "GPU-1");
  bench.script.says("devices 2");
  const auto end = std::chrono::steady_clock::now() + 5s;
  bool changed = false;
  while (!changed && std::chrono::steady_clock::now() < end) {
    changed = bench.reader->look_again();
    std::this_thread::sleep_for(5ms);
  }
  CHECK(changed);
  REQUIRE(bench.reader->size() == 2);
  CHECK(bench.reader->identity(0).uuid == "GPU-1");
  CHECK(bench.reader->identity(1).uuid == "GPU-0");
}

TEST_CASE("a device that tells nothing at all has failed") {
  const Bench bench("");
  bench.script.says("0.all 999");
  const auto result = bench.reader->read(0);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == 999);
  CHECK_FALSE(bench.reader->broken());
  bench.script.says("");
  CHECK(bench.reader->read(0));
}

TEST_CASE("a driver that was unloaded makes the library useless") {
  const Bench bench("");
  bench.script.says("0.nvmlDeviceGetPowerUsage 9\n0.field.186 3");
  CHECK_FALSE(bench.reader->read(0));
  CHECK(bench.reader->broken());
}

TEST_CASE("devices that cannot be counted are a fault") {
  const Bench bench("nvmlDeviceGetCount_v2 999");
  CHECK_FALSE(bench.found);
}

}  // namespace flopwatt::nvidia
