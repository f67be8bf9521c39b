#include "drivers/modbus/adaptive_reads.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "rack.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using flopwatt::modbus_test::value_at;
using namespace std::chrono_literals;

namespace {

// A device and its poller in a time of its own.
struct FlakyDevice {
  AdaptiveReads reads;
  std::function<int(const PlannedRead&)> exception_for = [](const PlannedRead&) { return 0; };
  SteadyTime now{1000s};
  SteadyTime round_end{};
  std::vector<PlannedRead> asked{};  // in the newest round
  std::set<std::size_t> known{};     // registers that were answered in it
  int set_aside = 0;

  explicit FlakyDevice(const std::vector<Register>& registers, ReadLimits limits = {})
      : reads(registers, limits, 10s) {}

  /// Until nothing is left to ask now.
  void go_on() {
    while (const auto next = reads.next(now)) {
      REQUIRE(asked.size() < 200);
      const PlannedRead read = reads.reads()[*next].planned;
      asked.push_back(read);
      if (const int code = exception_for(read); code != 0) {
        set_aside += reads.failed(*next, {FaultClass::exception, "", code}, "refused", now, round_end, 0);
        continue;
      }
      for (const ReadSlot& slot : read.slots) known.insert(slot.register_index);
      reads.answered(*next);
    }
  }
  std::size_t round(bool all = false) {
    asked.clear();
    known.clear();
    round_end = now + 10s;
    reads.begin_round(now, all);
    go_on();
    return asked.size();
  }
  bool is_asked(std::uint16_t address) const {
    return std::ranges::any_of(asked, [&](const PlannedRead& read) {
      return read.address <= address && address < read.address + read.count;
    });
  }
};

std::function<int(const PlannedRead&)> lacks(std::uint16_t address) {
  return [address](const PlannedRead& read) {
    return read.address <= address && address < read.address + read.count ? 2 : 0;
  };
}

// 80 registers in one request: energy, power, and 38 more of two registers each.
std::vector<Register> forty() {
  std::vector<Register> registers;
  for (std::uint16_t i = 0; i < 40; ++i)
    registers.push_back(value_at(static_cast<std::uint16_t>(2 * i),
                                 {Quantity::active_power, Place::branch, static_cast<std::uint16_t>(i + 1)},
                                 Wire::f32));
  registers[20].channel = {Quantity::energy_import, Place::whole, 0};
  registers[7].channel = {Quantity::active_power, Place::whole, 0};
  return registers;
}

}  // namespace

TEST_CASE(
    "a value that is not there is found in the poll that meets it, all others are read in that same poll") {
  for (const int place : {0, 15, 40, 41, 79}) {
    const auto missing = static_cast<std::uint16_t>(place);
    FlakyDevice device(forty());
    device.exception_for = lacks(missing);
    CHECK(device.round() <= 13);
    CHECK(device.known.size() == 39);
    CHECK_FALSE(device.known.contains(missing / 2U));
    CHECK(device.set_aside == 1);
    // It is planned around from then on: as few requests as can be, and none with it.
    CHECK(device.round() == (missing < 2 || missing > 77 ? 1 : 2));
    CHECK(device.known.size() == 39);
    CHECK_FALSE(device.is_asked(missing));
  }
}

TEST_CASE("a value, its minus and its scale registers are never apart, nor is a value cut") {
  auto registers = forty();
  ScaleRegister scale;
  scale.address = 80;
  registers[39].scaled_by = {scale};
  registers[3].minus = std::uint16_t{8};
  FlakyDevice device(registers);
  device.exception_for = lacks(12);
  device.round();
  CHECK(device.known.size() == 39);
  for (const PlannedRead& read : device.asked) {
    const auto has = [&](std::size_t index, ReadSlot::Role role) {
      return std::ranges::any_of(read.slots, [&](const ReadSlot& slot) {
        return slot.register_index == index && slot.role == role;
      });
    };
    CHECK(read.address % 2 == 0);
    CHECK(has(39, ReadSlot::Role::value) == has(39, ReadSlot::Role::scale));
    CHECK(has(3, ReadSlot::Role::value) == has(3, ReadSlot::Role::minus));
  }
}

TEST_CASE("a device that refuses long requests is asked in pieces, and the pieces stay") {
  for (const int code : {2, 3}) {
    FlakyDevice device(forty());
    device.exception_for = [code](const PlannedRead& read) { return read.count > 25 ? code : 0; };
    CHECK(device.round() == 7);  // 80, 40, 20, 20, 40, 20, 20
    CHECK(device.known.size() == 40);
    CHECK(device.set_aside == 0);
    CHECK(device.round() == 4);
    CHECK(device.known.size() == 40);
  }
}

TEST_CASE("a device that refuses long requests and lacks a value: both are told apart") {
  FlakyDevice device(forty());
  device.exception_for = [](const PlannedRead& read) { return read.count > 40 ? 3 : lacks(10)(read); };
  device.round();
  CHECK(device.known.size() == 39);
  CHECK(device.set_aside == 1);
  // 0 to 9, then 12 to 79: the second is again too long, for once.
  device.round();
  CHECK(device.round() <= 4);
  CHECK(device.known.size() == 39);
}

TEST_CASE("registers between that do not exist are not read over") {
  ReadLimits limits;
  limits.max_hole = 10;
  FlakyDevice device(
      {value_at(0, {Quantity::energy_import, Place::whole, 0}),
       value_at(5, {Quantity::voltage, Place::l1, 0}), value_at(6, {Quantity::voltage, Place::l2, 0})},
      limits);
  device.exception_for = lacks(3);
  CHECK(device.round() == 3);
  CHECK(device.known.size() == 3);
  CHECK(device.round() == 2);
  CHECK(device.known.size() == 3);
}

TEST_CASE("what was refused is not read over, either") {
  ReadLimits limits;
  limits.max_hole = 10;
  FlakyDevice device(forty(), limits);
  device.exception_for = lacks(30);
  device.round();
  CHECK(device.round() == 2);
  CHECK(device.known.size() == 39);
}

TEST_CASE("much that is not there is learnt in several polls, of bounded length") {
  FlakyDevice device(forty());
  device.exception_for = [](const PlannedRead& read) {
    for (unsigned i = read.address; i < read.address + read.count; ++i)
      if (i % 4 == 0) return 2;
    return 0;
  };
  int rounds = 0;
  do {
    CHECK(device.round() <= 20 + 16);
    REQUIRE(++rounds < 20);
  } while (device.set_aside < 20);
  device.round();
  CHECK(device.known.size() == 20);
}

TEST_CASE("what was refused is asked again after an hour, or after a new connection, less often each time") {
  FlakyDevice device(forty());
  device.exception_for = lacks(40);
  device.round();
  const auto is_asked_again = [&] {
    device.round();
    return device.is_asked(40);
  };
  CHECK_FALSE(is_asked_again());
  device.now += 59min;
  CHECK_FALSE(is_asked_again());
  device.now += 1min;
  CHECK(is_asked_again());
  CHECK_FALSE(is_asked_again());
  CHECK(device.set_aside == 1);  // that is no news

  std::vector<int> asked_at;  // a device that closes after each poll, every 10 s
  for (int second = 0; second < 1000; second += 10) {
    device.now += 10s;
    device.round();
    device.reads.connected(device.now);
    device.go_on();
    if (device.is_asked(40)) asked_at.push_back(second);
  }
  CHECK(asked_at.size() >= 4);
  CHECK(asked_at.size() <= 9);
}

TEST_CASE(
    "a value that is there again is read at once, and in one request with the others from the next poll on") {
  FlakyDevice device(forty());
  device.exception_for = lacks(40);
  device.round();
  device.exception_for = [](const PlannedRead&) { return 0; };
  device.round();
  device.now += 10s;
  device.reads.connected(device.now);
  device.go_on();
  CHECK(device.known.size() == 40);
  CHECK(device.round() == 1);
  CHECK(device.known.size() == 40);
}

TEST_CASE("a function that the device does not know is not asked with in each poll, the other one is") {
  auto registers = forty();
  for (std::size_t i = 0; i < 20; ++i) registers[i].function = 4;
  FlakyDevice device(registers);
  device.exception_for = [](const PlannedRead& read) {
    return read.function == ReadFunction::input_registers ? 1 : 0;
  };
  CHECK(device.round() == 2);
  CHECK(device.set_aside == 1);
  CHECK(device.round() == 1);
  CHECK(device.known.size() == 20);
}

TEST_CASE("where nothing is readable one request tries") {
  FlakyDevice device(forty());
  device.exception_for = [](const PlannedRead&) { return 1; };
  CHECK(device.round() == 1);
  CHECK(device.round(true) == 1);
  device.exception_for = [](const PlannedRead&) { return 0; };
  CHECK(device.round(true) == 1);
  CHECK(device.known.size() == 40);
}

TEST_CASE("a busy device is asked up to three times more, with pauses in which the line is free") {
  FlakyDevice device(forty());
  device.exception_for = [](const PlannedRead&) { return 6; };
  device.round();
  int times = 1;
  while (const auto at = device.reads.next_at()) {
    CHECK(*at - device.now >= 100ms);
    CHECK(*at - device.now <= 1s);
    device.now = *at;
    device.go_on();
    ++times;
  }
  CHECK(times == 4);
  CHECK(device.asked.size() == 4);
}

TEST_CASE("a failing device is asked once more, within a second; not after the poll's end") {
  for (const int code : {4, 7, 8, 99}) {
    FlakyDevice device(forty());
    device.exception_for = [code](const PlannedRead&) { return code; };
    device.round();
    const auto at = device.reads.next_at();
    REQUIRE(at);
    CHECK(*at - device.now <= 1s);
    device.exception_for = [](const PlannedRead&) { return 0; };
    device.now = *at;
    device.go_on();
    CHECK(device.known.size() == 40);
    CHECK_FALSE(device.reads.next_at());
  }
  FlakyDevice device(forty());
  device.exception_for = [](const PlannedRead&) { return 4; };
  device.reads.begin_round(device.now, false);
  device.round_end = device.now + 900ms;
  device.go_on();
  CHECK_FALSE(device.reads.next_at());
}

TEST_CASE("what fails in the end is left alone for some polls; the others are not") {
  auto registers = forty();
  registers[39].function = 4;
  FlakyDevice device(registers);
  device.exception_for = [](const PlannedRead& read) {
    return read.function == ReadFunction::input_registers ? 11 : 0;
  };
  CHECK(device.round() == 2);
  device.now += 9s;
  CHECK(device.round() == 1);
  CHECK(device.round(true) == 2);
}

TEST_CASE("a lost connection is not held against what was asked") {
  FlakyDevice device(forty());
  device.reads.begin_round(device.now, false);
  const auto next = device.reads.next(device.now);
  REQUIRE(next);
  device.reads.failed(*next, {FaultClass::connection, "", 0}, "no connection", device.now, device.now + 10s,
                      0);
  device.now += 1s;
  CHECK(device.round() == 1);
}

TEST_CASE("a round always asks something") {
  FlakyDevice device(forty());
  device.exception_for = [](const PlannedRead&) { return 11; };
  CHECK(device.round() == 1);
  device.now += 1s;
  CHECK(device.round() == 1);
}

TEST_CASE("a value that is halved away from its scale register gets its scale all the same") {
  std::vector<Register> registers;
  for (std::uint16_t i = 0; i < 10; ++i)
    registers.push_back(value_at(static_cast<std::uint16_t>(100 + i),
                                 {Quantity::active_power, Place::branch, static_cast<std::uint16_t>(i + 1)}));
  ScaleRegister scale;
  scale.address = 110;
  registers[0].scaled_by = {scale};
  FlakyDevice device(registers);
  device.exception_for = [](const PlannedRead& read) { return read.count > 6 ? 3 : 0; };
  device.round();
  CHECK(device.known.size() == 10);
  const auto tells_scale = [](const PlannedRead& read) {
    return std::ranges::any_of(read.slots, [](const ReadSlot& slot) {
      return slot.register_index == 0 && slot.role == ReadSlot::Role::scale;
    });
  };
  CHECK(std::ranges::any_of(device.asked, tells_scale));
}

TEST_CASE("a test of what is set aside that meets silence is not repeated in each round") {
  FlakyDevice device(forty());
  device.exception_for = lacks(40);
  device.round();
  REQUIRE(device.set_aside == 1);
  device.now += retest_after;
  device.exception_for = [](const PlannedRead& read) {
    return read.address <= 40 && 40 < read.address + read.count ? 11 : 0;
  };
  device.round();
  CHECK(device.is_asked(40));
  device.now += 1s;
  device.round();
  CHECK_FALSE(device.is_asked(40));
}

TEST_CASE("what is asked once for each connection") {
  auto registers = forty();
  ScaleRegister scale;
  scale.address = 1000;
  registers[0].scaled_by = {scale};
  scale.address = 1001;
  registers[1].scaled_by = registers[2].scaled_by = {scale};
  FlakyDevice device(registers);
  CHECK(device.round() == 2);
  CHECK(device.round() == 1);
  device.reads.connected(device.now);
  device.go_on();
  CHECK(device.asked.size() == 2);
  CHECK(device.asked.back().address == 1000);
  CHECK(device.asked.back().count == 2);

  SUBCASE("is halved, too") {
    device.exception_for = lacks(1000);
    device.reads.connected(device.now);
    device.asked.clear();
    device.go_on();
    REQUIRE(device.asked.size() == 3);
    for (const PlannedRead& read : device.asked) CHECK(read.function == ReadFunction::holding_registers);
    CHECK(device.asked.back().address == 1001);
    CHECK(device.asked.back().count == 1);
    CHECK(device.asked.back().slots.size() == 2);
    CHECK(device.set_aside == 1);
    CHECK(device.round() == 1);
  }
  SUBCASE("and again where it was not answered") {
    device.exception_for = [](const PlannedRead& read) { return read.address == 1000 ? 11 : 0; };
    device.reads.connected(device.now);
    device.go_on();
    device.now += 10s;
    device.exception_for = [](const PlannedRead&) { return 0; };
    CHECK(device.round() == 2);
    CHECK(device.round() == 1);
  }
}

TEST_CASE("a block that cannot be cut without breaking the limits is set aside whole") {
  ReadLimits limits;
  limits.block = 20;
  FlakyDevice device(
      {value_at(0, {Quantity::energy_import, Place::whole, 0}),
       value_at(10, {Quantity::voltage, Place::l1, 0}), value_at(20, {Quantity::voltage, Place::l2, 0})},
      limits);
  device.exception_for = lacks(3);
  CHECK(device.round() == 5);  // 0 to 39; for each half of the values; of the second for each value
  CHECK(device.set_aside == 2);
  CHECK(device.known == std::set<std::size_t>{2});
  device.round();
  REQUIRE(device.asked.size() == 1);
  CHECK(device.asked[0].address == 20);
  CHECK(device.known == std::set<std::size_t>{2});
}

TEST_CASE("values of one block that is refused are not asked for one by one") {
  ReadLimits limits;
  limits.block = 20;
  FlakyDevice device(
      {value_at(0, {Quantity::energy_import, Place::whole, 0}),
       value_at(10, {Quantity::voltage, Place::l1, 0}), value_at(19, {Quantity::voltage, Place::l2, 0})},
      limits);
  device.exception_for = lacks(3);
  CHECK(device.round() == 1);
  CHECK(device.set_aside == 1);
}

TEST_CASE("the answer with the energy register, else the power, gives the time") {
  FlakyDevice device(forty());
  device.exception_for = [](const PlannedRead& read) { return read.count > 20 ? 2 : 0; };
  device.round();
  std::vector<unsigned> ranks;
  for (const auto& read : device.reads.reads()) ranks.push_back(read.time_rank);
  CHECK(ranks == std::vector<unsigned>{1, 2, 0, 2});
}
