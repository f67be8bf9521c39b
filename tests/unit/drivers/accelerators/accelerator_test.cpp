#include "drivers/accelerators/accelerator.h"

#include <doctest/doctest.h>

#include <cmath>

#include "drivers/accelerators/nvidia/vendor.h"
#include "hopper_table.h"

namespace flopwatt::accelerators {
namespace {

const Vendor vendor = nvidia::vendor();

nvidia::NvmlReading numbers_of_h100() {
  return {.power_mw = 412'345,
          .power_limit_mw = 700'000,
          .core_clock_mhz = 1980,
          .energy_mj = 5'000'000'123,
          .memory_used_bytes = 1'000'000'007,
          .memory_total_bytes = 85'520'809'984,
          .utilization_percent = 97,
          .temperature_c = 61};
}

DeviceReading reading(double hmma_ratio, bool with_activity = true) {
  DeviceReading reading;
  reading.time = {1'795'000'000'000'000, 5'000'000};
  reading.half_duration_us = 250;
  reading.numbers = nvidia::numbers(numbers_of_h100(), true);
  reading.activity_sampled = true;
  if (with_activity)
    reading.activity = Activity{.ratios = {hmma_ratio, 0, 0, 0, 0.1, 0},
                                .seconds = 1.0,
                                .clock_begin_hz = 1.98e9,
                                .clock_end_hz = 1.98e9};
  return reading;
}

/// Of a device without an energy counter.
DeviceReading without_energy(std::optional<std::uint32_t> power_mw) {
  DeviceReading told = reading(0.5);
  nvidia::NvmlReading numbers = numbers_of_h100();
  numbers.power_mw = power_mw;
  told.numbers = nvidia::numbers(numbers, false);
  return told;
}

struct AcceleratorBench {
  explicit AcceleratorBench(const DeviceIdentity& identity, Place precision = Place::bf16) {
    config.interval = std::chrono::seconds(1);
    config.tensor_precision = precision;
    accelerator.describe(identity, "570.86.15");
  }
  double value(const ReadingSet& set, Quantity quantity, Place place = Place::whole) const {
    const auto index = set.source->index_of({.quantity = quantity, .place = place});
    REQUIRE(index);
    return set.values.at(*index);
  }
  bool has(Quantity quantity, Place place = Place::whole) const {
    return accelerator.source()->index_of({.quantity = quantity, .place = place}).has_value();
  }

  AcceleratorConfig config;
  VendorTable table = hopper_table();
  IntegratedEnergy energy;
  Accelerator accelerator{vendor, config, table, "nvidia0", energy};
};

}  // namespace

TEST_CASE("the source says who the device is") {
  const AcceleratorBench bench(h100());
  const Source& source = *bench.accelerator.source();
  CHECK(source.kind == SourceKind::accelerator);
  CHECK(source.name == "nvidia0");
  CHECK(source.identity.vendor == "NVIDIA");
  CHECK(source.identity.model == "NVIDIA H100 80GB HBM3");
  CHECK(source.identity.uuid == "GPU-1");
  CHECK(source.identity.pci == "0000:41:00.0");
  CHECK(source.identity.driver == "570.86.15");
  CHECK(source.identity.serial == "165");
  CHECK(source.identity.energy_source == EnergySource::counter);
  CHECK(source.accuracy == 0.05);
  CHECK(source.refresh == std::chrono::milliseconds(100));
  CHECK(source.sensor.window == std::chrono::milliseconds(25));
  CHECK(source.sensor.unseen_share() == 0.75);
  CHECK(source.effective_period == std::chrono::seconds(1));
  for (const Field& field : source.fields) CHECK(find_row(SourceKind::accelerator, field.channel) != nullptr);
}

TEST_CASE("a reading becomes a set in held units") {
  AcceleratorBench bench(h100());
  const ReadingSet set = bench.accelerator.make_set(reading(0.5));
  REQUIRE(set.values.size() == set.source->fields.size());
  CHECK(set.time == Moment{1'795'000'000'000'000, 5'000'000});
  CHECK(set.half_duration_us == 250);
  CHECK(bench.value(set, Quantity::power) == doctest::Approx(412.345));
  CHECK(bench.value(set, Quantity::power_limit) == 700.0);
  CHECK(bench.value(set, Quantity::energy) == doctest::Approx(5'000'000.123));
  CHECK(bench.value(set, Quantity::utilization) == doctest::Approx(0.97));
  CHECK(bench.value(set, Quantity::memory_used) == 1'000'000'007.0);
  CHECK(bench.value(set, Quantity::memory_total) == 85'520'809'984.0);
  CHECK(bench.value(set, Quantity::core_clock) == 1.98e9);
  CHECK(bench.value(set, Quantity::temperature) == 61.0);
  CHECK(bench.value(set, Quantity::pipe_active, Place::hmma) == 0.5);
  CHECK(bench.value(set, Quantity::peak_rate, Place::bf16) == 989.4e12);
}

TEST_CASE("every value is a whole number of its wire type times its scale") {
  AcceleratorBench bench(h100());
  const ReadingSet set = bench.accelerator.make_set(reading(1.0 / 3));
  for (std::size_t i = 0; i < set.values.size(); ++i) {
    const Field& field = set.source->fields[i];
    CAPTURE(static_cast<int>(field.channel.quantity));
    CAPTURE(label_of(field.channel.place));
    const double value = set.values[i];
    REQUIRE(is_known(value));
    if (field.wire == Wire::f64) continue;
    if (field.wire == Wire::f32)
      CHECK(static_cast<double>(static_cast<float>(value)) == value);
    else
      CHECK(held_value(std::round(value / field.scale), field.scale) == value);
  }
}

TEST_CASE("work of all precisions adds up and is cumulative") {
  AcceleratorBench bench(h100());
  const double tensor = 0.5 * 4096 * 132 * 1.98e9;
  const double fp32 = 0.1 * 256 * 132 * 1.98e9;
  const ReadingSet first = bench.accelerator.make_set(reading(0.5, false));
  CHECK(bench.value(first, Quantity::pipe_work) == 0.0);
  bench.accelerator.make_set(reading(0.5));
  const ReadingSet third = bench.accelerator.make_set(reading(0.5));
  CHECK(bench.value(third, Quantity::pipe_work, Place::assumed_bf16) == doctest::Approx(2 * tensor));
  CHECK(bench.value(third, Quantity::pipe_work, Place::fp32) == doctest::Approx(2 * fp32));
  CHECK(bench.value(third, Quantity::pipe_work, Place::fp64) == 0.0);
  CHECK(bench.value(third, Quantity::pipe_work) == doctest::Approx(2 * (tensor + fp32)));
  CHECK(bench.value(third, Quantity::pipe_work_low) == doctest::Approx(2 * (tensor / 2 + fp32)));
  CHECK(bench.value(third, Quantity::pipe_work_high) == doctest::Approx(2 * (tensor * 2 + fp32)));
  CHECK(bench.value(third, Quantity::pipe_work_spread) == 0.0);
}

TEST_CASE("the label of assumed work is the configured precision") {
  const AcceleratorBench bench(h100(), Place::fp8);
  CHECK(bench.has(Quantity::pipe_work, Place::assumed_fp8));
  CHECK_FALSE(bench.has(Quantity::pipe_work, Place::assumed_bf16));
}

TEST_CASE("an interval without activity leaves one set without work and method, then counting goes on") {
  AcceleratorBench bench(h100());
  bench.accelerator.make_set(reading(0.5, false));
  const double before = bench.value(bench.accelerator.make_set(reading(0.5)), Quantity::pipe_work);
  const ReadingSet gap = bench.accelerator.make_set(reading(0.5, false));
  for (const Quantity quantity :
       {Quantity::pipe_work, Quantity::pipe_work_low, Quantity::pipe_work_high, Quantity::pipe_work_spread})
    CHECK_FALSE(is_known(bench.value(gap, quantity)));
  CHECK_FALSE(is_known(bench.value(gap, Quantity::pipe_work, Place::assumed_bf16)));
  CHECK_FALSE(is_known(bench.value(gap, Quantity::pipe_active, Place::hmma)));
  CHECK(is_known(bench.value(gap, Quantity::energy)));
  CHECK(bench.value(bench.accelerator.make_set(reading(0.5)), Quantity::pipe_work) ==
        doctest::Approx(2 * before));
}

TEST_CASE("work beyond the product's peak is unknown, and counts nothing") {
  AcceleratorBench bench(h100());
  bench.accelerator.make_set(reading(0.5, false));
  const double before = bench.value(bench.accelerator.make_set(reading(0.5)), Quantity::pipe_work);
  // 1.0 x 4096 x 132 x 1.98 GHz = 1070 TFLOP/s, above 1.05 x 989.4
  CHECK_FALSE(is_known(bench.value(bench.accelerator.make_set(reading(1.0)), Quantity::pipe_work)));
  CHECK(bench.value(bench.accelerator.make_set(reading(0.5)), Quantity::pipe_work) ==
        doctest::Approx(2 * before));
}

TEST_CASE("the energy of a device without a counter is its power, integrated") {
  DeviceIdentity identity = h100();
  identity.energy_source = EnergySource::integrated;
  identity.figures = nvidia::figures(false);
  AcceleratorBench bench(identity);
  CHECK(bench.accelerator.source()->identity.energy_source == EnergySource::integrated);
  CHECK(bench.accelerator.source()->fields[2].channel.quantity == Quantity::energy);  // where a counter's is
  DeviceReading told = without_energy(412'345);
  const ReadingSet set = bench.accelerator.make_set(told);
  CHECK(set.values.size() == set.source->fields.size());
  CHECK(bench.value(set, Quantity::temperature) == 61.0);
  CHECK(bench.value(set, Quantity::energy) == 0);
  told.time.monotonic_us += 1'000'000;
  told.numbers = without_energy(400'345).numbers;
  CHECK(bench.value(bench.accelerator.make_set(told), Quantity::energy) == doctest::Approx(406.345));
  told.time.monotonic_us += 1'000'000;
  told.numbers = without_energy(std::nullopt).numbers;
  CHECK_FALSE(is_known(bench.value(bench.accelerator.make_set(told), Quantity::energy)));
  CHECK(bench.accelerator.why_absent({.quantity = Quantity::energy}).find("did not tell the power") !=
        std::string::npos);
}

TEST_CASE("power well beyond the highest limit that the device told is absent, and says why") {
  AcceleratorBench bench(h100());
  const auto power_at = [&](std::uint32_t power_mw, std::optional<std::uint32_t> limit_mw) {
    nvidia::NvmlReading numbers = numbers_of_h100();
    numbers.power_mw = power_mw;
    numbers.power_limit_mw = limit_mw;
    DeviceReading told = reading(0.5);
    told.numbers = nvidia::numbers(numbers, true);
    return bench.value(bench.accelerator.make_set(told), Quantity::power);
  };
  const Channel power{.quantity = Quantity::power};
  CHECK(power_at(4'000'000, std::nullopt) == 4000);  // no limit is known yet
  for (int poll = 0; poll < 3; ++poll) CHECK_FALSE(is_known(power_at(1'051'000, 700'000)));
  CHECK(bench.accelerator.why_absent(power) ==
        "the device tells 1051 W, more than 1.5 times its power limit of 700 W");
  CHECK(power_at(1'049'000, 700'000) == 1049);
  CHECK(bench.accelerator.why_absent(power).empty());
  CHECK(power_at(690'000, 200'000) == 690);  // lowered under a running load
  CHECK_FALSE(is_known(power_at(1'051'000, std::nullopt)));
}

TEST_CASE("what no device can tell is absent, and not integrated either") {
  DeviceIdentity identity = h100();
  identity.energy_source = EnergySource::integrated;
  identity.figures = nvidia::figures(false);
  AcceleratorBench bench(identity);
  DeviceReading told = without_energy(400'000);
  bench.accelerator.make_set(told);
  told.time.monotonic_us += 1'000'000;
  told.numbers = without_energy(4'000'000'000).numbers;
  const ReadingSet absurd = bench.accelerator.make_set(told);
  CHECK_FALSE(is_known(bench.value(absurd, Quantity::power)));
  CHECK_FALSE(is_known(bench.value(absurd, Quantity::energy)));
  told.time.monotonic_us += 1'000'000;
  told.numbers = without_energy(400'000).numbers;
  CHECK(bench.value(bench.accelerator.make_set(told), Quantity::energy) == doctest::Approx(800));

  AcceleratorBench counter(h100());
  DeviceReading negative = reading(0.5);
  negative.numbers[2] = -5;
  REQUIRE(h100().figures[2].field.channel.quantity == Quantity::energy);
  CHECK_FALSE(is_known(counter.value(counter.accelerator.make_set(negative), Quantity::energy)));
  CHECK(counter.accelerator.why_absent({.quantity = Quantity::energy}) ==
        "the device tells -0.005 J, which is beyond what any site has (0 to 3.6e+21 J)");
}

TEST_CASE("a device with neither an energy counter nor power has no energy") {
  DeviceIdentity identity = h100();
  identity.energy_source = EnergySource::none;
  identity.figures = nvidia::figures(false);
  AcceleratorBench bench(identity);
  CHECK(bench.accelerator.source()->identity.energy_source == EnergySource::none);
  CHECK_FALSE(bench.has(Quantity::energy));
  const ReadingSet set = bench.accelerator.make_set(without_energy(std::nullopt));
  CHECK(set.values.size() == set.source->fields.size());
  CHECK(bench.accelerator.why_absent({.quantity = Quantity::energy}).find("no power to integrate") !=
        std::string::npos);
}

TEST_CASE("without pipes, rates, cores or the precision there is no work, and it says why") {
  DeviceIdentity identity = h100();
  SUBCASE("pipes") {
    identity.activity.clear();
    identity.no_activity_reason = "NO_PERMISSION";
    const AcceleratorBench bench(identity);
    CHECK(bench.accelerator.no_work_reason().find("NO_PERMISSION") != std::string::npos);
    CHECK_FALSE(bench.has(Quantity::pipe_active, Place::hmma));
    CHECK_FALSE(bench.has(Quantity::pipe_work));
  }
  SUBCASE("rates") {
    identity.architecture = "13.0";
    const AcceleratorBench bench(identity);
    CHECK(bench.accelerator.no_work_reason() == "rates of compute capability 13.0 are not known");
    CHECK(bench.has(Quantity::pipe_active, Place::hmma));
    CHECK_FALSE(bench.has(Quantity::pipe_work));
  }
  SUBCASE("cores") {
    identity.cores = 0;
    CHECK_FALSE(AcceleratorBench(identity).has(Quantity::pipe_work));
  }
  SUBCASE("peaks of an unknown product") {
    identity.name = "NVIDIA H300";
    const AcceleratorBench bench(identity);
    CHECK_FALSE(bench.has(Quantity::peak_rate, Place::bf16));
    CHECK(bench.has(Quantity::pipe_work));
  }
}

TEST_CASE("vector FP16 is not measured by the tensor pipe's peak") {
  AcceleratorBench bench(h100());
  bench.table.products[0].peak_flop_per_second["fp16"] = 1e9;
  bench.accelerator.describe(h100(), "570.86.15");
  DeviceReading told = reading(0.5);
  told.activity->ratios[nvidia::fp16_pipe] = 0.5;
  const ReadingSet set = bench.accelerator.make_set(told);
  CHECK(bench.value(set, Quantity::pipe_work, Place::fp16) == doctest::Approx(0.5 * 512 * 132 * 1.98e9));
}

TEST_CASE("numbers that a reading lacks are absent") {
  AcceleratorBench bench(h100());
  DeviceReading told = reading(0.5);
  told.numbers = {412'345};
  told.activity->ratios = {0.5};
  const ReadingSet set = bench.accelerator.make_set(told);
  REQUIRE(set.values.size() == set.source->fields.size());
  CHECK(bench.value(set, Quantity::power) == doctest::Approx(412.345));
  CHECK(bench.value(set, Quantity::pipe_active, Place::hmma) == 0.5);
  for (const Quantity quantity : {Quantity::power_limit, Quantity::energy, Quantity::temperature})
    CHECK_FALSE(is_known(bench.value(set, quantity)));
  CHECK_FALSE(is_known(bench.value(set, Quantity::pipe_active, Place::fp16_pipe)));
}

}  // namespace flopwatt::accelerators
