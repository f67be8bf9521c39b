// What a meter does about what its device answers: over a whole driver, with a device that a test scripts.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "rack.h"
#include "scripted_meter.h"
#include "sunspec/device.h"

using namespace flopwatt;
using namespace flopwatt::modbus_test;

namespace {

Act refuses(const Asked& asked, std::uint8_t code) {
  return {.bytes = exception(asked.transaction, asked.unit, asked.function, code)};
}

bool touches(const Asked& asked, unsigned address) {
  return asked.address <= address && address < asked.address + unsigned{asked.count};
}

ScaleRegister factor_at(std::uint16_t address) {
  ScaleRegister scale;
  scale.address = address;
  scale.wire = Wire::u16;
  scale.use = ScaleRegister::Use::factor;
  return scale;
}

// Twenty values in one request, the first of them the energy.
void give_twenty(MeterConfig& meter) {
  meter.profile.registers.clear();
  for (std::uint16_t i = 0; i < 20; ++i)
    meter.profile.registers.push_back(value_at(i, {Quantity::active_power, Place::branch, i}));
  meter.profile.registers[0].channel = {Quantity::energy_import, Place::whole, 0};
}

Act serve(const Registers& registers, const Asked& asked) {
  const auto bytes = registers.read(asked.address, asked.count);
  if (!bytes) return refuses(asked, 2);
  std::vector<std::uint16_t> words;
  for (std::size_t i = 0; i < bytes->size(); i += 2)
    words.push_back(static_cast<std::uint16_t>((*bytes)[i] << 8 | (*bytes)[i + 1]));
  return {.bytes = answer_to(asked, words)};
}

}  // namespace

TEST_CASE("one register that is not there costs its value, once some requests, and no poll") {
  Rack rack;
  int asked_for = 0;
  ScriptedMeter device(rack.io, [&](const Asked& asked) {
    if (!touches(asked, 7)) return answers(asked, 3);
    ++asked_for;
    return refuses(asked, 2);
  });
  give_twenty(rack.add("pdu", device.address()));
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].polls() == 5; }));
  const auto& pdu = rack.ledger["pdu"];
  CHECK(pdu.faults.empty());
  for (const ReadingSet& set : pdu.sets) {
    CHECK(set.known_count() == 19);
    CHECK_FALSE(is_known(set.values[7]));
  }
  CHECK(asked_for <= 6);
  CHECK(device.requests() <= 6 + 5 + 4 * 2);
  CHECK(device.connections() == 1);
  const modbus::UnitUse unit = rack.driver->bus_use()[0].units[0];
  CHECK(unit.requests == static_cast<std::uint64_t>(device.requests()));
  CHECK(unit.failures[FaultClass::exception] == static_cast<std::uint64_t>(asked_for));
}

TEST_CASE("what was refused is asked again after a new connection") {
  Rack rack;
  std::vector<int> asked_on;  // connections
  ScriptedMeter device(rack.io, [&](const Asked& asked) {
    if (touches(asked, 7)) asked_on.push_back(asked.connection);
    Act act = touches(asked, 7) && asked.connection == 1 ? refuses(asked, 2) : answers(asked, 3);
    act.then_close = asked.connection == 1 && asked.request == 30;
    return act;
  });
  give_twenty(rack.add("pdu", device.address()));
  REQUIRE(rack.run_until([&] {
    const auto& sets = rack.ledger["pdu"].sets;
    return !sets.empty() && sets.back().known_count() == 20;
  }));
  CHECK(device.connections() == 2);
  CHECK(std::ranges::count(asked_on, 1) <= 6);
}

TEST_CASE("a busy device is asked again soon, in the same poll; its line is free meanwhile") {
  Rack rack;
  std::vector<std::uint8_t> order;
  ScriptedMeter gateway(rack.io, [&](const Asked& asked) {
    order.push_back(asked.unit);
    const bool busy = asked.unit == 1 && std::ranges::count(order, 1) <= 2;
    return busy ? refuses(asked, 6) : answers(asked, 1);
  });
  rack.add("busy", gateway.address(), 1).interval = 1s;
  rack.add("other", gateway.address(), 2);
  for (MeterConfig& meter : rack.config.meters) meter.profile.registers.resize(1);
  REQUIRE(rack.run_until([&] { return rack.ledger["busy"].polls() == 1; }));
  const auto& busy = rack.ledger["busy"];
  CHECK(busy.faults.empty());
  CHECK(busy.sets[0].known_count() == 1);
  CHECK(std::ranges::count(order, 1) == 3);
  const auto first = std::ranges::find(order, 1);
  const auto second = std::find(first + 1, order.end(), 1);
  CHECK(std::count(first, second, 2) >= 1);
  CHECK(rack.ledger["other"].skipped == 0);
}

TEST_CASE("a device failure is tried once more in the same poll; then the values are absent for that poll") {
  Rack rack;
  int failures = 1;
  SUBCASE("it passes") {}
  SUBCASE("it stays") { failures = 1000; }
  int refused = 0;
  ScriptedMeter device(rack.io, [&](const Asked& asked) {
    if (asked.address != 200 || refused >= failures) return answers(asked, 1);
    ++refused;
    return refuses(asked, 4);
  });
  rack.add("pdu", device.address()).interval = 400ms;
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].polls() == 1; }));
  CHECK(rack.ledger["pdu"].faults.empty());
  CHECK(is_known(rack.ledger["pdu"].sets[0].values[0]));
  CHECK(is_known(rack.ledger["pdu"].sets[0].values[1]) == (failures == 1));
  CHECK(refused == std::min(failures, 2));
}

TEST_CASE("a gateway without a path to the unit is not asked for it again soon") {
  Rack rack;
  ScriptedMeter gateway(
      rack.io, [](const Asked& asked) { return asked.unit == 1 ? refuses(asked, 10) : answers(asked, 1); });
  rack.add("gone", gateway.address(), 1);
  rack.add("here", gateway.address(), 2);
  REQUIRE(rack.run_until([&] { return rack.ledger["here"].sets.size() == 10; }));
  CHECK(rack.ledger["gone"].polls() == 1);
  CHECK(rack.ledger["gone"].faults[0].message.find("no path to this unit") != std::string::npos);
  CHECK(gateway.connections() == 1);
}

TEST_CASE(
    "scale registers away from their values are read at each connect, and the source tells their factor") {
  Rack rack;
  int scale_reads = 0;
  ScriptedMeter device(rack.io, [&](const Asked& asked) {
    if (asked.address == 1000) {
      ++scale_reads;
      return answers(asked, asked.connection == 1 ? 40 : 50);
    }
    Act act = answers(asked, 7);
    act.then_close = asked.request == 12;
    return act;
  });
  rack.add("pdu", device.address()).profile.registers[0].scaled_by = {factor_at(1000)};
  REQUIRE(rack.run_until([&] { return device.connections() == 2 && rack.ledger["pdu"].polls() >= 9; }));
  const auto& pdu = rack.ledger["pdu"];
  CHECK(scale_reads == 2);
  CHECK(pdu.described == 2);
  CHECK(pdu.source->fields[0].scale == 50);
  for (const ReadingSet& set : pdu.sets) CHECK(set.values[0] == 7 * set.source->fields[0].scale);
  CHECK(pdu.sets.front().values[0] == 280);
  CHECK(pdu.sets.back().values[0] == 350);
}

TEST_CASE("without its factor a value is absent, and told so") {
  Rack rack;
  bool refused = false;
  SUBCASE("the scale register is refused") { refused = true; }
  SUBCASE("it holds 'not available'") {}
  ScriptedMeter device(rack.io, [&](const Asked& asked) {
    if (asked.address != 1000) return answers(asked, 7);
    return refused ? refuses(asked, 2) : answers(asked, 0xFFFF);
  });
  rack.add("pdu", device.address()).profile.registers[0].scaled_by = {factor_at(1000)};
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].polls() == 4; }));
  REQUIRE(rack.ledger["pdu"].sets.size() == 4);
  CHECK_FALSE(is_known(rack.ledger["pdu"].sets[3].values[0]));
  CHECK(is_known(rack.ledger["pdu"].sets[3].values[1]));
  const std::string why = rack.driver->why_absent(0, {Quantity::energy_import, Place::whole, 0});
  CHECK(why.find(refused ? "reading registers 1000 to 1000" : "the scale register of register 10") !=
        std::string::npos);
  CHECK(device.requests() == 9);
}

TEST_CASE("the serial number is read once, whatever comes of it") {
  Rack rack;
  IdentifyingRegister reg;
  reg.address = 500;
  reg.meaning = "serial number";
  std::string expected;
  SUBCASE("a number") {
    reg.wire = Wire::u32;
    expected = "65537";
  }
  SUBCASE("a text") {
    reg.text_registers = 3;
    expected = "AB12";
  }
  SUBCASE("refused") {}
  int asked_for = 0;
  ScriptedMeter device(rack.io, [&](const Asked& asked) {
    if (asked.address != 500) return answers(asked, 1);
    ++asked_for;
    if (expected.empty()) return refuses(asked, 2);
    if (asked.count == 2) return answers(asked, 1);
    return Act{.bytes = answer_to(asked, {0x4142, 0x3132, 0})};
  });
  rack.add("pdu", device.address()).profile.identify = {reg};
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].polls() == 5; }));
  CHECK(rack.ledger["pdu"].faults.empty());
  CHECK(asked_for == 1);
  CHECK(rack.ledger["pdu"].source->identity.serial == expected);
  // With the first set: totals of another meter must not be gone on with.
  CHECK(rack.ledger["pdu"].sets.front().source->identity.serial == expected);
  CHECK(rack.ledger["pdu"].sets.back().source->identity.serial == expected);
  CHECK(rack.ledger["pdu"].described == (expected.empty() ? 0 : 1));
}

namespace {

struct SunSpecRack {
  Rack rack{};
  Registers registers{};
  int markers = 0;  // questions for it
  int close_at = 0;
  ScriptedMeter device;

  SunSpecRack() : device(rack.io, [this](const Asked& asked) { return act(asked); }) {
    MeterConfig& meter = rack.add("pdu", device.address());
    meter.profile = {};
    meter.profile.id = "sunspec";
    meter.profile.sunspec = true;
    put_chain(3);
  }

  // Model 203 with power 1234 x 10^-1 W, voltage unset, and energy 1000 Wh x 10^`energy_exponent`.
  void put_chain(int energy_exponent) {
    registers = {};
    const unsigned meter = registers.marker(40000).common(40002, "Maker", "M1", "S-77");
    const unsigned behind = registers.model(meter, 203, 105);
    registers.end(behind);
    registers.put(meter + 2 + 16, {1234}).put(meter + 2 + 20, {-1});
    registers.u32(meter + 2 + 44, 1000).put(meter + 2 + 52, {energy_exponent});
  }

  Act act(const Asked& asked) {
    if (touches(asked, 40000)) ++markers;
    Act act = serve(registers, asked);
    act.then_close = asked.request == close_at;
    return act;
  }
};

}  // namespace

TEST_CASE("a SunSpec meter is described by its device") {
  SunSpecRack test;
  Rack& rack = test.rack;
  test.put_chain(0);
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].polls() == 4; }));
  const auto& pdu = rack.ledger["pdu"];
  CHECK(pdu.faults.empty());
  CHECK(test.markers == 1);
  CHECK(test.device.connections() == 1);
  const Source& source = *pdu.sets.back().source;
  CHECK(source.identity.vendor == "Maker");
  CHECK(source.identity.model == "M1");
  CHECK(source.identity.serial == "S-77");
  CHECK(source.identity.profile == "sunspec");
  CHECK(pdu.source == pdu.sets.front().source);
  const auto power = source.index_of({Quantity::active_power, Place::whole, 0});
  const auto energy = source.index_of({Quantity::energy_import, Place::whole, 0});
  REQUIRE((power && energy));
  CHECK(pdu.sets.back().values[*power] == doctest::Approx(123.4));
  CHECK(is_known(pdu.sets.back().values[*energy]));
  CHECK(rack.driver->bus_use()[0].units[0].requests == static_cast<std::uint64_t>(test.device.requests()));
}

TEST_CASE("its chain is walked again where the device may be another one, and not for every connection") {
  SunSpecRack test;
  Rack& rack = test.rack;
  test.close_at = 10;
  bool moved = false;
  SUBCASE("a new connection is no reason") {}
  SUBCASE("registers that are gone are") {
    moved = true;
    test.close_at = 0;
  }
  const auto enough = [&] {
    const auto& pdu = rack.ledger["pdu"];
    if (moved && pdu.sets.size() == 3) {
      test.registers = {};
      const unsigned meter = test.registers.marker(50000).common(50002, "Other", "M2", "S-78");
      test.registers.end(test.registers.model(meter, 201, 105));
      test.registers.put(meter + 2 + 16, {77}).put(meter + 2 + 20, {0});
    }
    return moved ? pdu.source->identity.vendor == "Other" && pdu.sets.size() > 4 : pdu.sets.size() == 15;
  };
  REQUIRE(rack.run_until(enough));
  if (!moved) CHECK(test.markers == 1);
  CHECK(test.device.connections() == (moved ? 1 : 2));
}

TEST_CASE("a device without SunSpec, or without that meter, is told so") {
  SunSpecRack test;
  std::string expected;
  SUBCASE("no marker") {
    test.registers = {};
    expected = "its marker is not at register 40000, 50000 or 0";
  }
  SUBCASE("one meter") {
    test.rack.config.meters[0].sunspec_model = 2;
    expected = "only 1 meter model, and sunspec_model is 2";
  }
  REQUIRE(test.rack.run_until([&] { return test.rack.ledger["pdu"].polls() == 1; }));
  REQUIRE(test.rack.ledger["pdu"].faults.size() == 1);
  CHECK(test.rack.ledger["pdu"].faults[0].fault_class == FaultClass::device);
  CHECK(test.rack.ledger["pdu"].faults[0].message.find(expected) != std::string::npos);
}
