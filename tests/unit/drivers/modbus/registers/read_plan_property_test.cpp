// Random profiles: what every plan has to keep, straight from the rules, and that none has fewer requests, by
// trying them all.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "drivers/modbus/registers/read_plan.h"

using namespace flopwatt;
using namespace flopwatt::modbus;

namespace {

using Role = ReadSlot::Role;

struct Range {
  unsigned begin = 0, end = 0;
};

Range with(Range range, unsigned address, unsigned width) {
  return {std::min(range.begin, address), std::max(range.end, address + width)};
}

// A profile and its limits.
struct RandomMeter {
  std::vector<Register> registers;
  ReadLimits limits;

  Range value(std::size_t index) const {
    const Register& reg = registers[index];
    const Range own{reg.address, unsigned{reg.address} + reg.width()};
    return reg.minus ? with(own, *reg.minus, reg.width()) : own;
  }

  std::set<unsigned> known(unsigned function) const {
    std::set<unsigned> addresses;
    const auto add = [&](unsigned address, unsigned width) {
      const Range read = aligned({address, address + width});
      for (unsigned i = read.begin; i < read.end; ++i) addresses.insert(i);
    };
    for (const Register& reg : registers) {
      if (!reg.alone && reg.function == function) {
        add(reg.address, reg.width());
        if (reg.minus) add(*reg.minus, reg.width());
      }
      for (const ScaleRegister& scale : reg.scaled_by)
        if (scale.function == function) add(scale.address, scale.width());
    }
    return addresses;
  }

  Range aligned(Range range) const {
    const unsigned step = std::lcm(unsigned{limits.block}, limits.even ? 2U : 1U);
    while (range.begin % step != 0) --range.begin;
    while (range.end % step != 0) ++range.end;
    return range;
  }

  bool can_read(Range range) const {
    range = aligned(range);
    for (unsigned address = range.begin; address < range.end; ++address)
      for (const AddressRange& forbidden : limits.forbidden)
        if (forbidden.first <= address && address <= forbidden.last) return false;
    return range.end - range.begin <= 125 && range.end <= 65536;
  }

  bool allows(Range range, unsigned function) const {
    const std::set<unsigned> addresses = known(function);
    unsigned hole = 0;
    for (unsigned address = range.begin; address < range.end; ++address) {
      hole = addresses.contains(address) ? 0 : hole + 1;
      if (hole > limits.max_hole) return false;
    }
    const Range request = aligned(range);
    return can_read(range) && request.end - request.begin <= limits.max_registers;
  }
};

struct Part {
  unsigned function = 0;
  Range range;
  bool alone = false;
};

// What has to be one request each, and the scale registers that cannot come along.
struct Parts {
  std::vector<Part> polled, at_connect;
};

Parts parts_of(const RandomMeter& meter) {
  Parts parts;
  for (std::size_t i = 0; i < meter.registers.size(); ++i) {
    const Register& reg = meter.registers[i];
    Part part{reg.function, meter.value(i), reg.alone};
    for (const ScaleRegister& scale : reg.scaled_by) {
      const Range both = with(part.range, scale.address, scale.width());
      if (!reg.alone && scale.function == reg.function && meter.allows(both, reg.function))
        part.range = both;
      else
        parts.at_connect.push_back({scale.function, with({scale.address, 0}, scale.address, scale.width())});
    }
    parts.polled.push_back(part);
  }
  return parts;
}

// The fewest requests for these, by trying every way to share them out.
class Fewest {
 public:
  Fewest(const RandomMeter& meter, const std::vector<Part>& parts) : meter_(meter) {
    for (const Part& part : parts) {
      if (!meter.can_read(part.range)) continue;
      if (part.alone || !meter.allows(part.range, part.function))
        ++single_;
      else
        parts_.push_back(part);
    }
  }

  std::size_t count() {
    best_ = parts_.size();
    share(0);
    return single_ + best_;
  }

 private:
  void share(std::size_t next) {
    if (groups_.size() >= best_) return;
    if (next == parts_.size()) {
      best_ = groups_.size();
      return;
    }
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const Part before = groups_[i];
      const Range both =
          with(before.range, parts_[next].range.begin, parts_[next].range.end - parts_[next].range.begin);
      if (before.function != parts_[next].function || !meter_.allows(both, before.function)) continue;
      groups_[i].range = both;
      share(next + 1);
      groups_[i] = before;
    }
    groups_.push_back(parts_[next]);
    share(next + 1);
    groups_.pop_back();
  }

  const RandomMeter& meter_;
  std::vector<Part> parts_, groups_;
  std::size_t single_ = 0, best_ = 0;
};

unsigned address_of(const Register& reg, const ReadSlot& slot) {
  if (slot.role == Role::minus) return reg.minus.value();
  return slot.role == Role::scale ? reg.scaled_by.at(slot.scale_index).address : reg.address;
}

unsigned width_of(const Register& reg, const ReadSlot& slot) {
  return slot.role == Role::scale ? reg.scaled_by.at(slot.scale_index).width() : reg.width();
}

void check_request(const PlannedRead& read, const RandomMeter& meter, bool at_connect) {
  const auto function = static_cast<unsigned>(read.function);
  Range used{65536, 0};
  bool alone = false;
  std::set<std::size_t> members;
  for (const ReadSlot& slot : read.slots) {
    const Register& reg = meter.registers[slot.register_index];
    CHECK(read.address + slot.offset == address_of(reg, slot));
    CHECK(slot.offset + width_of(reg, slot) <= read.count);
    CHECK(function ==
          (slot.role == Role::scale ? reg.scaled_by.at(slot.scale_index).function : reg.function));
    used = with(used, address_of(reg, slot), width_of(reg, slot));
    alone = alone || (reg.alone && slot.role != Role::scale);
    members.insert(slot.register_index);
  }
  const Range request = meter.aligned(used);
  CHECK(request.begin == read.address);
  CHECK(request.end == unsigned{read.address} + read.count);
  CHECK(meter.can_read(used));
  CHECK((members.size() == 1 || meter.allows(used, function)));
  if (at_connect) return;
  if (alone) CHECK(members.size() == 1);
  for (const std::size_t member : members)  // a value and what is taken from it in one answer
    CHECK((!meter.registers[member].minus || std::ranges::count_if(read.slots, [&](const ReadSlot& slot) {
                                               return slot.register_index == member &&
                                                      slot.role != Role::scale;
                                             }) == 2));
}

// Every number is in exactly one place, unless it cannot be read at all.
void check_complete(const ReadPlan& plan, const RandomMeter& meter) {
  std::multiset<std::tuple<std::size_t, Role, std::size_t>> planned;
  for (const auto* reads : {&plan.reads, &plan.at_connect})
    for (const PlannedRead& read : *reads)
      for (const ReadSlot& slot : read.slots)
        planned.insert({slot.register_index, slot.role, slot.scale_index});
  for (std::size_t i = 0; i < meter.registers.size(); ++i) {
    const Register& reg = meter.registers[i];
    const bool readable = meter.can_read(meter.value(i));
    CHECK(planned.count({i, Role::value, 0}) == (readable ? 1 : 0));
    CHECK(planned.count({i, Role::minus, 0}) == (readable && reg.minus ? 1 : 0));
    for (std::size_t s = 0; s < reg.scaled_by.size(); ++s) {
      const ScaleRegister& scale = reg.scaled_by[s];
      const Range own{scale.address, unsigned{scale.address} + scale.width()};
      CHECK(planned.count({i, Role::scale, s}) == (meter.can_read(own) ? 1 : 0));
    }
  }
}

class Chance {
 public:
  std::uint16_t below(unsigned limit) { return static_cast<std::uint16_t>(engine_() % limit); }
  bool one_in(unsigned times) { return below(times) == 0; }

  // `plain`: neither companions nor rules beside length, holes and even.
  RandomMeter meter(bool plain) {
    RandomMeter meter;
    for (int i = 0; i < 7; ++i) meter.registers.push_back(reg(plain));
    meter.limits.max_registers = static_cast<std::uint16_t>(6 + below(14));
    meter.limits.max_hole = below(5);
    meter.limits.even = one_in(2);
    if (plain) return meter;
    meter.limits.block = static_cast<std::uint16_t>(1 + below(3));
    if (!one_in(3)) return meter;
    const std::uint16_t first = below(40);
    meter.limits.forbidden = {{first, static_cast<std::uint16_t>(first + below(3))}};
    return meter;
  }

 private:
  Register reg(bool plain) {
    constexpr Wire wires[] = {Wire::u16, Wire::f32, Wire::f32, Wire::u64};
    Register made;
    made.channel = {Quantity::voltage, Place::l1, 0};
    made.address = below(30);
    made.wire = wires[below(4)];
    made.function = static_cast<std::uint8_t>(3 + below(8) / 7);
    if (plain) return made;
    const auto near = [&] { return static_cast<std::uint16_t>(made.address + below(10)); };
    if (one_in(5)) made.minus = near();
    made.alone = one_in(8);
    for (int count = below(5) - 2; count > 0; --count) {
      ScaleRegister scale;
      scale.address = one_in(4) ? below(40) : near();
      scale.function = one_in(8) ? 3 : made.function;
      made.scaled_by.push_back(scale);
    }
    return made;
  }

  std::minstd_rand engine_{20261123};
};

}  // namespace

TEST_CASE("no plan has fewer requests, by brute force") {
  Chance chance;
  std::size_t companions = 0;
  for (int round = 0; round < 800; ++round) {
    const RandomMeter meter = chance.meter(round % 2 == 0);
    const ReadPlan plan = plan_reads(meter.registers, meter.limits);
    for (const PlannedRead& read : plan.reads) check_request(read, meter, false);
    for (const PlannedRead& read : plan.at_connect) check_request(read, meter, true);
    check_complete(plan, meter);
    const Parts parts = parts_of(meter);
    CHECK(plan.reads.size() == Fewest(meter, parts.polled).count());
    CHECK(plan.at_connect.size() == Fewest(meter, parts.at_connect).count());
    for (const PlannedRead& read : plan.reads)
      companions += static_cast<std::size_t>(std::ranges::count(read.slots, Role::scale, &ReadSlot::role));
  }
  CHECK(companions > 200);  // the rounds are worth it
}
