// What a meter model says is what is read: registers written at the offsets of the definitions, planned and
// decoded.
#include "drivers/modbus/sunspec/sunspec.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <vector>

#include "drivers/modbus/registers/decode.h"
#include "drivers/modbus/registers/read_plan.h"
#include "readings/reading_set.h"
#include "sunspec/device.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace flopwatt::modbus_test;

namespace {

constexpr unsigned at = 40070;  // of the meter model

struct Chain {
  Registers registers;

  explicit Chain(int id, unsigned length, int word) {
    const unsigned next = registers.marker(40000).common(40002, "Maker", "Meter", "SN");
    registers.end(registers.model(next, id, length, word));
  }

  MeterProfile profile() const {
    auto device = SunSpecLine(registers).discover();
    return sunspec_profile(device.value().value(), 1).value();
  }
};

using Values = std::map<Channel, double>;

// Reads the profile's registers as its plan says, and decodes them.
Values read(const Chain& chain) {
  const MeterProfile profile = chain.profile();
  const ReadPlan plan = plan_reads(profile.registers, profile.limits);
  CHECK(plan.reads.size() == 1);
  CHECK(plan.at_connect.empty());
  Values values;
  for (const PlannedRead& read : plan.reads) {
    const auto bytes = chain.registers.read(read.address, read.count).value();
    const auto part = [&](const ReadSlot& slot, std::uint16_t width) {
      return std::span(bytes).subspan(std::size_t{2} * slot.offset, std::size_t{2} * width);
    };
    std::vector<double> factors(profile.registers.size(), 1);
    for (const ReadSlot& slot : read.slots) {
      if (slot.role != ReadSlot::Role::scale) continue;
      const ScaleRegister& scale = profile.registers[slot.register_index].scaled_by.at(slot.scale_index);
      factors[slot.register_index] *= decode_factor(part(slot, scale.width()), scale);
    }
    for (const ReadSlot& slot : read.slots) {
      if (slot.role != ReadSlot::Role::value) continue;
      const Register& reg = profile.registers[slot.register_index];
      values[reg.channel] =
          value_of(decode_raw(part(slot, reg.width()), reg), reg, factors[slot.register_index]);
    }
  }
  return values;
}

double value(const Values& values, Quantity quantity, Place place = Place::whole) {
  const auto found = values.find({quantity, place, 0});
  REQUIRE(found != values.end());
  return found->second;
}

bool has(const Values& values, Quantity quantity, Place place) {
  return values.contains({quantity, place, 0});
}

// A model of the integer family with everything of it in use; offsets of model_203.json.
Chain integer_chain(int id) {
  Chain chain(id, 105, 0x7777);  // what is not written below must not be read
  chain.registers.put(at + 2, {9999, 101, 102, 103, -1});
  chain.registers.put(at + 7, {9999, 2301, 2302, 2303, 9999, 4001, 4002, 4003, -1});
  chain.registers.put(at + 16, {4998, -2});
  chain.registers.put(at + 18, {-600, -100, -200, -300, 1});
  chain.registers.put(at + 23, {700, 9999, 9999, 9999, 1});
  chain.registers.put(at + 28, {-50, 9999, 9999, 9999, 0});
  chain.registers.put(at + 33, {-98, 9999, 9999, 9999, 0});
  chain.registers.u32(at + 38, 1'234).u32(at + 46, 4'000'000'000).put(at + 54, {2});
  return chain;
}

// The float family; offsets of model_213.json.
Chain float_chain(int id) {
  Chain chain(id, 124, 0x4777);
  float current = 1.25F;
  for (const unsigned offset : {4U, 6U, 8U}) chain.registers.f32(at + offset, current++);
  float voltage = 230.5F;
  for (const unsigned offset : {12U, 14U, 16U}) chain.registers.f32(at + offset, voltage++);
  float between = 400.5F;
  for (const unsigned offset : {20U, 22U, 24U}) chain.registers.f32(at + offset, between++);
  chain.registers.f32(at + 26, 50.25F).f32(at + 28, -6000.5F);
  float power = -1000.5F;
  for (const unsigned offset : {30U, 32U, 34U}) chain.registers.f32(at + offset, power--);
  chain.registers.f32(at + 36, 7000.5F).f32(at + 44, -50.5F).f32(at + 52, -0.75F);
  chain.registers.f32(at + 60, 1024.0F).f32(at + 68, 4096.0F);
  return chain;
}

}  // namespace

TEST_CASE("a three-phase meter of the integer family") {
  for (const int id : {203, 204}) {
    const Values values = read(integer_chain(id));
    CHECK(values.size() == 19);
    CHECK(value(values, Quantity::current, Place::l1) == 10.1);
    CHECK(value(values, Quantity::current, Place::l2) == 10.2);
    CHECK(value(values, Quantity::current, Place::l3) == 10.3);
    CHECK(value(values, Quantity::voltage, Place::l1) == 230.1);
    CHECK(value(values, Quantity::voltage, Place::l2) == 230.2);
    CHECK(value(values, Quantity::voltage, Place::l3) == 230.3);
    CHECK(value(values, Quantity::voltage, Place::l1_l2) == 400.1);
    CHECK(value(values, Quantity::voltage, Place::l2_l3) == 400.2);
    CHECK(value(values, Quantity::voltage, Place::l3_l1) == 400.3);
    CHECK(value(values, Quantity::frequency) == 49.98);
    CHECK(value(values, Quantity::active_power) == -6000);
    CHECK(value(values, Quantity::active_power, Place::l1) == -1000);
    CHECK(value(values, Quantity::active_power, Place::l2) == -2000);
    CHECK(value(values, Quantity::active_power, Place::l3) == -3000);
    CHECK(value(values, Quantity::apparent_power) == 7000);
    CHECK(value(values, Quantity::reactive_power) == -50);
    CHECK(value(values, Quantity::power_factor) == -0.98);
    CHECK(value(values, Quantity::energy_export) == 123'400);
    CHECK(value(values, Quantity::energy_import) == 400'000'000'000);
  }
}

TEST_CASE("a three-phase meter of the float family") {
  for (const int id : {213, 214}) {
    const Values values = read(float_chain(id));
    CHECK(values.size() == 19);
    CHECK(value(values, Quantity::current, Place::l1) == 1.25);
    CHECK(value(values, Quantity::current, Place::l2) == 2.25);
    CHECK(value(values, Quantity::current, Place::l3) == 3.25);
    CHECK(value(values, Quantity::voltage, Place::l1) == 230.5);
    CHECK(value(values, Quantity::voltage, Place::l2) == 231.5);
    CHECK(value(values, Quantity::voltage, Place::l3) == 232.5);
    CHECK(value(values, Quantity::voltage, Place::l1_l2) == 400.5);
    CHECK(value(values, Quantity::voltage, Place::l2_l3) == 401.5);
    CHECK(value(values, Quantity::voltage, Place::l3_l1) == 402.5);
    CHECK(value(values, Quantity::frequency) == 50.25);
    CHECK(value(values, Quantity::active_power) == -6000.5);
    CHECK(value(values, Quantity::active_power, Place::l1) == -1000.5);
    CHECK(value(values, Quantity::active_power, Place::l2) == -1001.5);
    CHECK(value(values, Quantity::active_power, Place::l3) == -1002.5);
    CHECK(value(values, Quantity::apparent_power) == 7000.5);
    CHECK(value(values, Quantity::reactive_power) == -50.5);
    CHECK(value(values, Quantity::power_factor) == -0.75);
    CHECK(value(values, Quantity::energy_export) == 1024);
    CHECK(value(values, Quantity::energy_import) == 4096);
  }
}

TEST_CASE("phases that a meter does not have are no channels") {
  for (const Chain& chain : {integer_chain(201), float_chain(211)}) {
    const Values values = read(chain);
    CHECK(values.size() == 10);
    CHECK(has(values, Quantity::voltage, Place::l1));
    CHECK_FALSE(has(values, Quantity::voltage, Place::l2));
    CHECK_FALSE(has(values, Quantity::voltage, Place::l1_l2));
    CHECK_FALSE(has(values, Quantity::current, Place::l3));
  }
  for (const Chain& chain : {integer_chain(202), float_chain(212)}) {
    const Values values = read(chain);
    CHECK(values.size() == 14);
    CHECK(has(values, Quantity::voltage, Place::l2));
    CHECK(has(values, Quantity::voltage, Place::l1_l2));
    CHECK_FALSE(has(values, Quantity::voltage, Place::l2_l3));
    CHECK_FALSE(has(values, Quantity::active_power, Place::l3));
  }
}

TEST_CASE("what is not implemented is absent") {
  Chain chain(203, 105, 0x8000);
  chain.registers.fill(at + 38, 16);  // accumulators: zero
  for (const auto& [channel, number] : read(chain)) CHECK_FALSE(is_known(number));
  for (const auto& [channel, number] : read(Chain(213, 124, 0x7FC0))) CHECK_FALSE(is_known(number));
  for (const auto& [channel, number] : read(Chain(213, 124, 0xFFC0))) CHECK_FALSE(is_known(number));
}

TEST_CASE("without its scale factor a point is absent, and only it") {
  Chain chain = integer_chain(203);
  chain.registers.put(at + 17, {0x8000}).put(at + 27, {11}).put(at + 32, {-11});
  const Values values = read(chain);
  CHECK_FALSE(is_known(value(values, Quantity::frequency)));
  CHECK_FALSE(is_known(value(values, Quantity::apparent_power)));
  CHECK_FALSE(is_known(value(values, Quantity::reactive_power)));
  CHECK(value(values, Quantity::active_power) == -6000);
}

TEST_CASE("an accumulator at zero tells nothing, a float at zero does") {
  Chain integer = integer_chain(203);
  integer.registers.u32(at + 38, 0);
  CHECK_FALSE(is_known(value(read(integer), Quantity::energy_export)));
  Chain floating = float_chain(213);
  floating.registers.f32(at + 60, 0);
  CHECK(value(read(floating), Quantity::energy_export) == 0);
}

TEST_CASE("a power factor in per cent or as the cosine") {
  const auto factor = [](int raw, int exponent) {
    Chain chain = integer_chain(203);
    chain.registers.put(at + 33, {raw}).put(at + 37, {exponent});
    return value(read(chain), Quantity::power_factor);
  };
  CHECK(factor(98, 0) == 0.98);
  CHECK(factor(9850, -2) == 0.985);
  CHECK(factor(985, -3) == 0.985);
  CHECK(factor(-100, 0) == -1);
  CHECK(factor(1000, -3) == 1);
}

TEST_CASE("the profile says what it was made of") {
  const MeterProfile profile = integer_chain(203).profile();
  CHECK(profile.id == "sunspec");
  CHECK(profile.vendor == "Maker");
  CHECK(profile.model == "Meter");
  CHECK(profile.sources == std::vector<std::string>{"the device's own SunSpec model 203 at register 40070"});
  CHECK_FALSE(profile.sunspec);
  // Currents to the energies' scale factor; nothing of the rest of the model is of use.
  const ReadPlan plan = plan_reads(profile.registers, profile.limits);
  CHECK(plan.reads[0].address == at + 3);
  CHECK(plan.reads[0].count == 52);
}

TEST_CASE("where a device takes only short requests scale factors still come with their values") {
  const MeterProfile profile = integer_chain(203).profile();
  ReadLimits limits = profile.limits;
  limits.max_registers = 20;
  const ReadPlan plan = plan_reads(profile.registers, limits);
  CHECK(plan.reads.size() == 3);
  CHECK(plan.at_connect.empty());
}

TEST_CASE("registers are of the function that the chain was found with") {
  SunSpecLine line(integer_chain(203).registers, 4);
  const auto profile = sunspec_profile(line.discover().value().value(), 1).value();
  for (const Register& reg : profile.registers) {
    CHECK(reg.function == 4);
    CHECK(reg.scaled_by.front().function == 4);
  }
}
