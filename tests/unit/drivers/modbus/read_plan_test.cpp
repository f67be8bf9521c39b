#include "drivers/modbus/read_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
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

std::vector<Span> spans(const ReadPlan& plan) {
  std::vector<Span> all;
  for (const PlannedRead& read : plan)
    all.push_back({static_cast<int>(read.function), read.address, read.count});
  return all;
}

// Whether these registers may be one request, straight from the rules.
bool allowed(const std::vector<Register>& members, const ReadLimits& limits) {
  unsigned begin = 65536, end = 0;
  for (const Register& member : members) {
    if (member.function != members.front().function) return false;
    begin = std::min<unsigned>(begin, member.address);
    end = std::max<unsigned>(end, member.address + member.width());
  }
  unsigned hole = 0;
  for (unsigned address = begin; address < end; ++address) {
    const bool used = std::ranges::any_of(members, [&](const Register& member) {
      return member.address <= address && address < unsigned{member.address} + member.width();
    });
    hole = used ? 0 : hole + 1;
    if (hole > limits.max_hole) return false;
  }
  if (limits.even) {
    begin -= begin % 2;
    end += end % 2;
  }
  return end - begin <= limits.max_registers;
}

// The fewest requests, by trying every way to share the registers out.
std::size_t fewest(const std::vector<Register>& registers, const ReadLimits& limits, std::size_t next,
                   std::vector<std::vector<Register>>& groups) {
  if (next == registers.size())
    return std::ranges::all_of(groups, [&](const auto& group) { return allowed(group, limits); })
               ? groups.size()
               : 1000;
  std::size_t best = 1000;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].push_back(registers[next]);
    best = std::min(best, fewest(registers, limits, next + 1, groups));
    groups[i].pop_back();
  }
  groups.push_back({registers[next]});
  best = std::min(best, fewest(registers, limits, next + 1, groups));
  groups.pop_back();
  return best;
}

void check_sound(const ReadPlan& plan, const std::vector<Register>& registers, const ReadLimits& limits) {
  std::vector<int> planned(registers.size(), 0);
  for (const PlannedRead& read : plan) {
    std::vector<Register> members;
    for (const ReadSlot& slot : read.slots) {
      const Register& member = registers[slot.register_index];
      ++planned[slot.register_index];
      members.push_back(member);
      CHECK(read.address + slot.offset == member.address);
      CHECK(slot.offset + member.width() <= read.count);
    }
    CHECK(allowed(members, limits));
    CHECK(read.count <= limits.max_registers);
    if (limits.even) CHECK((read.address % 2 == 0 && read.count % 2 == 0));
  }
  CHECK(std::ranges::all_of(planned, [](int times) { return times == 1; }));
}

}  // namespace

TEST_CASE("neighbours are one request") {
  CHECK(spans(plan_reads(std::vector{reg(0), reg(2), reg(4, Wire::u16), reg(5, Wire::i64)}, {})) ==
        std::vector<Span>{{4, 0, 9}});
}

TEST_CASE("nothing to read is no request") { CHECK(plan_reads({}, {}).empty()); }

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
  const std::vector registers = {reg(10), reg(10), reg(10, Wire::u16)};
  const ReadPlan plan = plan_reads(registers, {});
  CHECK(spans(plan) == std::vector<Span>{{4, 10, 2}});
  check_sound(plan, registers, {});
}

TEST_CASE("no plan has fewer requests, by brute force") {
  std::minstd_rand chance(20261123);
  const auto below = [&](unsigned limit) { return static_cast<std::uint16_t>(chance() % limit); };
  constexpr Wire wires[] = {Wire::u16, Wire::f32, Wire::f32, Wire::u64};
  for (int round = 0; round < 400; ++round) {
    std::vector<Register> registers;
    for (int i = 0; i < 7; ++i)
      registers.push_back(reg(below(30), wires[below(4)], static_cast<std::uint8_t>(3 + below(8) / 7)));
    const ReadLimits limits{static_cast<std::uint16_t>(6 + below(14)), below(5), below(2) == 1};
    const ReadPlan plan = plan_reads(registers, limits);
    check_sound(plan, registers, limits);
    std::vector<std::vector<Register>> groups;
    CHECK(plan.size() == fewest(registers, limits, 0, groups));
  }
}
