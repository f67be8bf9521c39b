#include "drivers/accelerators/estimated_work.h"

#include <doctest/doctest.h>

#include "drivers/accelerators/accelerator.h"
#include "drivers/accelerators/nvidia/vendor.h"

namespace flopwatt::accelerators {
namespace {

constexpr double peak = 989e12;

/// An H100 that tells its utilization and has no pipes.
struct WorkBench {
  WorkBench() {
    config.interval = std::chrono::seconds(1);
    accelerator.describe(device("NVIDIA H100 80GB HBM3"), "570");
  }
  static DeviceIdentity device(const std::string& name) {
    DeviceIdentity identity;
    identity.pci = "0000:41:00.0";
    identity.name = name;
    identity.figures = {{"utilization_percent",
                         {.channel = {.quantity = Quantity::utilization}, .wire = Wire::u8, .scale = 0.01}}};
    identity.no_activity_reason = "NO_PERMISSION";
    return identity;
  }
  ReadingSet at(double seconds, std::optional<std::uint8_t> percent) {
    DeviceReading reading;
    reading.time.monotonic_us = static_cast<std::int64_t>((1000 + seconds) * 1e6);
    reading.numbers = {percent ? *percent : absent};
    return accelerator.make_set(reading);
  }
  static double value(const ReadingSet& set, Quantity quantity, Place place = Place::whole) {
    const auto index = set.source->index_of({.quantity = quantity, .place = place});
    REQUIRE(index);
    return set.values.at(*index);
  }

  const Vendor vendor = nvidia::vendor();
  AcceleratorConfig config;
  VendorTable table{
      .rates = {},
      .products = {{"H100", "*H100*", {{"fp64", 67e12}, {"bf16", peak}, {"fp8", 1979e12}, {"int8", 1e12}}}}};
  IntegratedEnergy energy;
  Accelerator accelerator{vendor, config, table, "nvidia0", energy};
};

}  // namespace

TEST_CASE("the rates are the product's: as configured, lowest and highest of its float precisions") {
  const WorkBench bench;
  const Product& product = bench.table.products.front();
  const auto rates = estimate_rates(&product, Place::bf16);
  REQUIRE(rates);
  CHECK(rates->assumed == peak);
  CHECK(rates->low == 67e12);
  CHECK(rates->high == 1979e12);
  CHECK_FALSE(estimate_rates(&product, Place::tf32));
  CHECK_FALSE(estimate_rates(nullptr, Place::bf16));
}

TEST_CASE("estimated work is utilization x peak x time, from zero") {
  WorkBench bench;
  const ReadingSet first = bench.at(0, 100);
  CHECK(WorkBench::value(first, Quantity::estimated_work) == 0);
  bench.at(1, 50);
  const ReadingSet third = bench.at(3, 25);  // one beat was missed
  CHECK(WorkBench::value(third, Quantity::estimated_work) == doctest::Approx(peak * (0.5 + 0.25 * 2)));
  CHECK(WorkBench::value(third, Quantity::estimated_work, Place::assumed_bf16) ==
        WorkBench::value(third, Quantity::estimated_work));
  CHECK(WorkBench::value(third, Quantity::estimated_work_low) == doctest::Approx(67e12));
  CHECK(WorkBench::value(third, Quantity::estimated_work_high) == doctest::Approx(1979e12));
  CHECK_FALSE(third.source->index_of({.quantity = Quantity::pipe_work}));
}

TEST_CASE("what was not seen is not estimated: absent once, then it goes on") {
  WorkBench bench;
  bench.at(0, 100);
  bench.at(1, 100);
  SUBCASE("a gap longer than the source may be silent") {
    CHECK_FALSE(is_known(WorkBench::value(bench.at(6.5, 100), Quantity::estimated_work)));
    CHECK(WorkBench::value(bench.at(7.5, 100), Quantity::estimated_work) == doctest::Approx(2 * peak));
  }
  SUBCASE("no utilization") {
    const ReadingSet gap = bench.at(2, std::nullopt);
    for (const Quantity quantity :
         {Quantity::estimated_work, Quantity::estimated_work_low, Quantity::estimated_work_high})
      CHECK_FALSE(is_known(WorkBench::value(gap, quantity)));
    CHECK_FALSE(is_known(WorkBench::value(gap, Quantity::estimated_work, Place::assumed_bf16)));
    CHECK(WorkBench::value(bench.at(3, 100), Quantity::estimated_work) == doctest::Approx(2 * peak));
  }
}

TEST_CASE("a product that is not known has no estimate") {
  WorkBench bench;
  bench.accelerator.describe(WorkBench::device("NVIDIA X"), "570");
  const ReadingSet set = bench.at(0, 100);
  CHECK_FALSE(set.source->index_of({.quantity = Quantity::estimated_work}));
  CHECK(set.values.size() == set.source->fields.size());
}

}  // namespace flopwatt::accelerators
