// What a reading costs on disk.
#include "agent/store/files.h"
#include "tests/unit/agent/store/store_fixture.h"

namespace flopwatt::store {
namespace {

using namespace testing;

/// The layout of an accelerator with pipe activity.
SourcePtr accelerator_source(const std::string& name) {
  using enum Quantity;
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::accelerator;
  source->name = name;
  const auto add = [&](Quantity quantity, Wire wire, double scale = 1.0, Place place = Place::whole) {
    source->fields.push_back({{quantity, place, 0}, wire, scale, 0.0});
  };
  add(power, Wire::u32, 0.001);
  add(power_limit, Wire::u32, 0.001);
  add(energy, Wire::u64, 0.001);
  add(utilization, Wire::u8, 0.01);
  add(memory_used, Wire::u64);
  add(memory_total, Wire::u64);
  add(core_clock, Wire::u32, 1e6);
  add(temperature, Wire::i16);
  for (const Place pipe :
       {Place::hmma, Place::imma, Place::dfma, Place::fp64_pipe, Place::fp32_pipe, Place::fp16_pipe})
    add(pipe_active, Wire::f32, 1.0, pipe);
  for (const Place precision : {Place::fp64, Place::fp32, Place::fp16, Place::assumed_bf16})
    add(pipe_work, Wire::f64, 1.0, precision);
  for (const Quantity quantity : {pipe_work, pipe_work_low, pipe_work_high, pipe_work_spread, estimated_work,
                                  estimated_work_low, estimated_work_high, work})
    add(quantity, Wire::f64);
  add(estimated_work, Wire::f64, 1.0, Place::assumed_bf16);
  add(method, Wire::u8);
  for (const Place precision : {Place::fp64, Place::fp32, Place::tf32, Place::fp16, Place::bf16, Place::fp8})
    add(peak_rate, Wire::u32, 1e9, precision);
  return source;
}

ReadingSet busy_accelerator(const SourcePtr& source, std::int64_t at_us, std::mt19937_64& random) {
  std::vector<double> values;
  for (const Field& field : source->fields) {
    const auto bits = random();
    switch (field.channel.quantity) {
      case Quantity::power_limit:
        values.push_back(held_value(700'000, field.scale));
        break;
      case Quantity::memory_total:
        values.push_back(150'754'820'096);
        break;
      case Quantity::peak_rate:
        values.push_back(held_value(989'000, field.scale));
        break;
      case Quantity::method:
        values.push_back(2);
        break;
      case Quantity::pipe_work:
      case Quantity::pipe_work_low:
      case Quantity::pipe_work_high:
      case Quantity::pipe_work_spread:
      case Quantity::estimated_work:
      case Quantity::estimated_work_low:
      case Quantity::estimated_work_high:
      case Quantity::work:
        values.push_back(static_cast<double>(bits) * 1.7);
        break;
      case Quantity::pipe_active:
        values.push_back(double{static_cast<float>(bits % 9973) / 9973.0F});
        break;
      default:
        values.push_back(held_value(static_cast<double>(bits % 97), field.scale));
        break;
    }
  }
  return set_of(source, at_us, std::move(values));
}

TEST_CASE("an hour of 20 meters and 8 accelerators costs at most 8 bytes a reading") {
  const Directory directory;
  std::mt19937_64 random(1);
  std::vector<SourcePtr> meters;
  std::vector<SourcePtr> accelerators;
  for (int i = 0; i < 20; ++i) meters.push_back(meter_source("pdu-" + std::to_string(i)));
  for (int i = 0; i < 8; ++i) accelerators.push_back(accelerator_source("nvidia" + std::to_string(i)));
  std::uint64_t readings = 0;
  {
    const auto store = open_or_fail(settings_for(directory.store(), {"ems"}));
    for (std::int64_t at = 0; at < 3'600; ++at) {
      Commit commit;
      for (const SourcePtr& meter : meters) commit.sets.push_back(measured_set(meter, at * second, random));
      for (const SourcePtr& card : accelerators)
        commit.sets.push_back(busy_accelerator(card, at * second, random));
      readings = value_or_fail(store->commit(commit)).total_readings;
    }
  }
  CHECK(readings == 3'600 * (20 * 26 + 8 * 34));
  // Closed: the write-ahead log, at most 4 MiB of the whole, is in the main file.
  const double bytes = static_cast<double>(size_on_disk(directory.store())) / static_cast<double>(readings);
  MESSAGE(bytes << " bytes a reading");
  CHECK(bytes <= 8.0);
}

}  // namespace
}  // namespace flopwatt::store
