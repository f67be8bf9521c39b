#include "drivers/modbus/registers/read_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace flopwatt;
using namespace flopwatt::modbus;

namespace {

Register reg(std::uint16_t address, Wire wire = Wire::f32, std::uint8_t function = 4) {
  Register made;
  made.channel = {Quantity::voltage, Place::l1, 0};
  made.address = address;
  made.function = function;
  made.wire = wire;
  return made;
}

Register reg(std::uint16_t address, Quantity quantity) {
  Register made = reg(address);
  made.channel = {quantity, Place::whole, 0};
  return made;
}

struct Span {
  int function, address, count;
  bool operator==(const Span&) const = default;
};

std::vector<Span> spans(const std::vector<PlannedRead>& reads) {
  std::vector<Span> all;
  for (const PlannedRead& read : reads)
    all.push_back({static_cast<int>(read.function), read.address, read.count});
  return all;
}

std::vector<Span> spans(const ReadPlan& plan) { return spans(plan.reads); }

ScaleRegister scale_at(std::uint16_t address, std::uint8_t function = 4) {
  ScaleRegister scale;
  scale.address = address;
  scale.function = function;
  return scale;
}

Register scaled(Register reg, std::vector<ScaleRegister> scales) {
  reg.scaled_by = std::move(scales);
  return reg;
}

Register minus(Register reg, std::uint16_t address) {
  reg.minus = address;
  return reg;
}

Register alone(Register reg) {
  reg.alone = true;
  return reg;
}

// The slots of one read as "offset:register", m for `minus`, s and its index for a scale.
std::string slots(const PlannedRead& read) {
  std::string text;
  for (const ReadSlot& slot : read.slots) {
    text +=
        (text.empty() ? "" : " ") + std::to_string(slot.offset) + ":" + std::to_string(slot.register_index);
    if (slot.role == ReadSlot::Role::minus) text += "m";
    if (slot.role == ReadSlot::Role::scale) text += "s" + std::to_string(slot.scale_index);
  }
  return text;
}

}  // namespace

TEST_CASE("neighbours are one request") {
  CHECK(spans(plan_reads(std::vector{reg(0), reg(2), reg(4, Wire::u16), reg(5, Wire::i64)}, {})) ==
        std::vector<Span>{{4, 0, 9}});
}

TEST_CASE("nothing to read is no request") { CHECK(plan_reads({}, {}) == ReadPlan{}); }

TEST_CASE("holes are read over up to the limit") {
  const std::vector registers = {reg(0), reg(6)};
  CHECK(spans(plan_reads(registers, {125, 3, false})) == std::vector<Span>{{4, 0, 2}, {4, 6, 2}});
  CHECK(spans(plan_reads(registers, {125, 4, false})) == std::vector<Span>{{4, 0, 8}});
}

TEST_CASE("a request ends before the register that would make it too long") {
  std::vector<Register> registers;
  for (std::uint16_t address = 0; address < 24; address += 2) registers.push_back(reg(address));
  CHECK(spans(plan_reads(registers, {11, 0, false})) ==
        std::vector<Span>{{4, 0, 10}, {4, 10, 10}, {4, 20, 4}});
}

TEST_CASE("never more than the protocol allows") {
  std::vector<Register> registers;
  for (std::uint16_t address = 0; address < 200; ++address) registers.push_back(reg(address, Wire::u16));
  CHECK(spans(plan_reads(registers, {200, 0, false})) == std::vector<Span>{{4, 0, 125}, {4, 125, 75}});
}

TEST_CASE("functions are not mixed") {
  CHECK(spans(plan_reads(std::vector{reg(0, Wire::u16, 4), reg(1, Wire::u16, 3)}, {})) ==
        std::vector<Span>{{3, 1, 1}, {4, 0, 1}});
}

TEST_CASE("even start and count") {
  CHECK(spans(plan_reads(std::vector{reg(3), reg(7, Wire::u16)}, {125, 2, true})) ==
        std::vector<Span>{{4, 2, 6}});
  CHECK(spans(plan_reads(std::vector{reg(1), reg(3)}, {4, 0, true})) ==
        std::vector<Span>{{4, 0, 4}, {4, 2, 4}});
}

TEST_CASE("the end of the address space") {
  CHECK(spans(plan_reads(std::vector{reg(65532, Wire::u64)}, {})) == std::vector<Span>{{4, 65532, 4}});
  CHECK(spans(plan_reads(std::vector{reg(65535, Wire::u16)}, {125, 0, true})) ==
        std::vector<Span>{{4, 65534, 2}});
}

TEST_CASE("the request with the energy, else the power, comes first") {
  const std::vector energy = {reg(0), reg(100, Quantity::active_power), reg(200, Quantity::energy_import)};
  CHECK(spans(plan_reads(energy, {})) == std::vector<Span>{{4, 200, 2}, {4, 0, 2}, {4, 100, 2}});
  const std::vector power = {reg(0), reg(100, Quantity::active_power), reg(200, Quantity::energy_export)};
  CHECK(spans(plan_reads(power, {})) == std::vector<Span>{{4, 100, 2}, {4, 0, 2}, {4, 200, 2}});
  const std::vector neither = {reg(100), reg(0)};
  CHECK(spans(plan_reads(neither, {})) == std::vector<Span>{{4, 0, 2}, {4, 100, 2}});
}

TEST_CASE("a value that two quantities share is read once") {
  const ReadPlan plan = plan_reads(std::vector{reg(10), reg(10), reg(10, Wire::u16)}, {});
  CHECK(spans(plan) == std::vector<Span>{{4, 10, 2}});
  CHECK(slots(plan.reads[0]) == "0:0 0:1 0:2");
}

TEST_CASE("whole blocks only") {
  const std::vector registers = {reg(23), reg(39), reg(62)};
  CHECK(spans(plan_reads(registers, {.max_registers = 40, .max_hole = 40, .block = 20})) ==
        std::vector<Span>{{4, 20, 40}, {4, 60, 20}});
  CHECK(spans(plan_reads(registers, {.max_hole = 40, .block = 20})) == std::vector<Span>{{4, 20, 60}});
  CHECK(spans(plan_reads(std::vector{reg(23)}, {.even = true, .block = 5})) ==
        std::vector<Span>{{4, 20, 10}});
}

TEST_CASE("what a block reads anyway is no hole") {
  CHECK(spans(plan_reads(std::vector{reg(21), reg(30), reg(38)}, {.max_registers = 20, .block = 20})) ==
        std::vector<Span>{{4, 20, 20}});
  CHECK(spans(plan_reads(std::vector{reg(2, Wire::u16), reg(5, Wire::u16)}, {.even = true})) ==
        std::vector<Span>{{4, 2, 4}});
}

TEST_CASE("nothing forbidden is touched, not even by alignment") {
  const std::vector registers = {reg(30), reg(48)};
  CHECK(spans(plan_reads(registers, {.max_hole = 125})) == std::vector<Span>{{4, 30, 20}});
  CHECK(spans(plan_reads(registers, {.max_hole = 125, .forbidden = {{33, 40}}})) ==
        std::vector<Span>{{4, 30, 2}, {4, 48, 2}});
  CHECK(spans(plan_reads(registers, {.max_hole = 125, .forbidden = {{32, 32}}})) ==
        std::vector<Span>{{4, 30, 2}, {4, 48, 2}});
  // A profile that contradicts itself: what cannot be read without the forbidden is not read.
  CHECK(spans(plan_reads(registers, {.max_hole = 125, .forbidden = {{31, 31}}})) ==
        std::vector<Span>{{4, 48, 2}});
  CHECK(spans(plan_reads(registers, {.block = 20, .forbidden = {{25, 25}}})) ==
        std::vector<Span>{{4, 40, 20}});
}

TEST_CASE("what is alone has a request of its own") {
  const std::vector registers = {reg(0), alone(reg(2)), reg(4), alone(reg(4))};
  CHECK(spans(plan_reads(registers, {})) == std::vector<Span>{{4, 0, 2}, {4, 2, 2}, {4, 4, 2}, {4, 4, 2}});
  // A request over it is one over a hole.
  CHECK(spans(plan_reads(registers, {.max_hole = 2})) == std::vector<Span>{{4, 0, 6}, {4, 2, 2}, {4, 4, 2}});
}

TEST_CASE("the scale of what is alone is read at connect, its difference with it") {
  const ReadPlan plan =
      plan_reads(std::vector{alone(scaled(minus(reg(10), 12), {scale_at(14)})), reg(15)}, {});
  CHECK(spans(plan) == std::vector<Span>{{4, 10, 4}, {4, 15, 2}});
  CHECK(slots(plan.reads[0]) == "0:0 2:0m");
  CHECK(spans(plan.at_connect) == std::vector<Span>{{4, 14, 1}});
}

TEST_CASE("a difference is one request, above or below") {
  const ReadPlan plan = plan_reads(std::vector{minus(reg(20), 10), minus(reg(60), 80)}, {.max_hole = 125});
  CHECK(spans(plan) == std::vector<Span>{{4, 10, 72}});
  CHECK(slots(plan.reads[0]) == "0:0m 10:0 50:1 70:1m");
}

TEST_CASE("a difference is never torn, whatever the limits say") {
  const std::vector registers = {reg(8), minus(reg(10), 20), reg(12)};
  CHECK(spans(plan_reads(registers, {.max_registers = 10, .max_hole = 0})) ==
        std::vector<Span>{{4, 8, 6}, {4, 10, 12}});
  // Wider than any request: it is not read at all.
  const ReadPlan plan = plan_reads(std::vector{minus(reg(10), 134), minus(reg(10), 133), reg(10)}, {});
  CHECK(spans(plan) == std::vector<Span>{{4, 10, 125}, {4, 10, 2}});
}

TEST_CASE("a scale register comes with its values") {
  const ReadPlan plan =
      plan_reads(std::vector{scaled(reg(2, Wire::i16), {scale_at(6)}),
                             scaled(reg(5, Wire::i16), {scale_at(6)}), reg(3, Wire::i16), reg(4, Wire::i16)},
                 {});
  CHECK(spans(plan) == std::vector<Span>{{4, 2, 5}});
  CHECK(slots(plan.reads[0]) == "0:0 1:2 2:3 3:1 4:0s0 4:1s0");  // read once, for both
  CHECK(plan.at_connect.empty());
}

TEST_CASE("a request ends where the next would lose its scale") {
  // Each value's scale follows it; by length alone 0 to 9 would be the first request.
  std::vector<Register> registers;
  for (std::uint16_t address = 0; address < 15; address += 3)
    registers.push_back(scaled(reg(address), {scale_at(static_cast<std::uint16_t>(address + 2))}));
  const ReadPlan plan = plan_reads(registers, {.max_registers = 10});
  CHECK(spans(plan) == std::vector<Span>{{4, 0, 9}, {4, 9, 6}});
  CHECK(plan.at_connect.empty());
}

TEST_CASE("a scale register that cannot come with its values is read at connect") {
  const auto far = [](ReadLimits limits, std::uint8_t function = 4) {
    return plan_reads(std::vector{scaled(reg(10), {scale_at(20, function)}), reg(24)}, limits);
  };
  CHECK(far({.max_hole = 8}).at_connect.empty());
  CHECK(far({.max_registers = 11, .max_hole = 8}).at_connect.empty());
  const std::vector<Span> scale = {{4, 20, 1}};
  CHECK(spans(far({.max_hole = 7}).at_connect) == scale);
  CHECK(spans(far({.max_registers = 10, .max_hole = 8}).at_connect) == scale);
  CHECK(spans(far({.max_hole = 8, .forbidden = {{15, 16}}}).at_connect) == scale);
  CHECK(spans(far({.max_hole = 8}, 3).at_connect) == std::vector<Span>{{3, 20, 1}});
  CHECK(spans(far({.max_hole = 7})) == std::vector<Span>{{4, 10, 2}, {4, 24, 2}});
}

TEST_CASE("what the profile knows is no hole") {
  // 12 to 17 are read anyway, so the scale at 18 is within reach.
  const ReadPlan plan =
      plan_reads(std::vector{scaled(reg(10), {scale_at(18)}), reg(12), reg(14), reg(16)}, {});
  CHECK(spans(plan) == std::vector<Span>{{4, 10, 9}});
  CHECK(plan.at_connect.empty());
}

TEST_CASE("scales at connect are as few requests, each register once") {
  std::vector<Register> registers;
  for (std::uint16_t i = 0; i < 10; ++i)
    registers.push_back(scaled(reg(static_cast<std::uint16_t>(1000 + 2 * i)),
                               {scale_at(static_cast<std::uint16_t>(i / 2)), scale_at(7)}));
  const ReadPlan plan = plan_reads(registers, {.max_hole = 2});
  CHECK(spans(plan) == std::vector<Span>{{4, 1000, 20}});
  CHECK(spans(plan.at_connect) == std::vector<Span>{{4, 0, 8}});
  CHECK(plan.at_connect[0].slots.size() == 20);
  CHECK(slots(plan.at_connect[0]).starts_with("0:0s0 0:1s0 1:2s0 1:3s0"));
  CHECK(slots(plan.at_connect[0]).ends_with("7:9s1"));
  CHECK(spans(plan_reads(registers, {.max_hole = 1}).at_connect) == std::vector<Span>{{4, 0, 5}, {4, 7, 1}});
}

TEST_CASE("of scales that fit each but not both the first comes along") {
  const ReadPlan plan =
      plan_reads(std::vector{scaled(reg(100), {scale_at(20), scale_at(180)})}, {.max_hole = 125});
  CHECK(spans(plan) == std::vector<Span>{{4, 20, 82}});
  CHECK(slots(plan.reads[0]) == "0:0s0 80:0");
  CHECK(slots(plan.at_connect[0]) == "0:0s1");
}

TEST_CASE("a branch circuit monitor: 42 energies, their exponents in a row before them") {
  std::vector<Register> registers;
  for (std::uint16_t n = 0; n < 42; ++n)
    registers.push_back(scaled(reg(static_cast<std::uint16_t>(1167 + 2 * n), Wire::u32, 3),
                               {scale_at(static_cast<std::uint16_t>(1083 + n), 3)}));
  const ReadPlan apart = plan_reads(registers, {.max_hole = 0});
  CHECK(spans(apart) == std::vector<Span>{{3, 1167, 84}});
  CHECK(spans(apart.at_connect) == std::vector<Span>{{3, 1083, 42}});

  // Where the hole between may be read, exponents come along, as far as a request reaches: the 41st and 42nd
  // are 126 and 127 registers from theirs.
  const ReadPlan together = plan_reads(registers, {.max_hole = 125});
  CHECK(spans(together) == std::vector<Span>{{3, 1083, 124},
                                             {3, 1103, 124},
                                             {3, 1113, 124},
                                             {3, 1118, 125},
                                             {3, 1121, 124},
                                             {3, 1122, 125},
                                             {3, 1247, 4}});
  CHECK(spans(together.at_connect) == std::vector<Span>{{3, 1123, 2}});
}
