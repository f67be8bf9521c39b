#include "drivers/modbus/driver.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "libmodbus_server.h"
#include "rack.h"
#include "scripted_meter.h"

using namespace flopwatt;
using namespace flopwatt::modbus_test;

TEST_CASE("meters are read every interval, with time, scale and source") {
  Rack rack;
  ScriptedMeter device(rack.io,
                       [](const Asked& asked) { return answers(asked, asked.address == 10 ? 7 : 2305); });
  rack.add("pdu", device.address());
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].sets.size() == 5; }));

  const auto& pdu = rack.ledger["pdu"];
  CHECK(pdu.faults.empty());
  CHECK(pdu.skipped == 0);
  CHECK(device.connections() == 1);
  std::int64_t last = 0;
  for (const ReadingSet& set : pdu.sets) {
    REQUIRE(set.values.size() == 2);
    CHECK(set.source == pdu.source);
    CHECK(set.values[0] == 7);
    CHECK(set.values[1] == doctest::Approx(230.5));
    CHECK(set.half_duration_us >= 0);
    CHECK(set.time.wall_us > 1'700'000'000'000'000);
    if (last != 0) CHECK(std::abs(set.time.monotonic_us - last - 100'000) < 100'000);
    last = set.time.monotonic_us;
  }
  const auto use = rack.driver->bus_use();
  REQUIRE(use.size() == 1);
  CHECK(use[0].bus == "row-a");
  CHECK(use[0].busy_seconds > 0);
  CHECK(use[0].busy_seconds < 0.5);
  CHECK(use[0].turnaround_seconds > 0);
  CHECK(use[0].turnaround_seconds < use[0].busy_seconds);
  CHECK(use[0].planned_cycle_seconds == doctest::Approx(0.02));
  REQUIRE(use[0].units.size() == 1);
  CHECK(use[0].units[0].source == "pdu");
  CHECK(use[0].units[0].unit_id == 1);
  CHECK(use[0].units[0].requests == 10);
  CHECK(use[0].units[0].failures == modbus::UnitUse{}.failures);
  CHECK_FALSE(use[0].units[0].quarantined);
}

TEST_CASE("the time of a set is the middle of the transaction with the energy register") {
  Rack rack;
  ScriptedMeter device(rack.io, [](const Asked& asked) {
    Act act = answers(asked, 1);
    act.after = asked.address == 10 ? 100ms : 60ms;
    return act;
  });
  rack.add("pdu", device.address()).timeout = 1s;
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].sets.size() == 1; }));
  const ReadingSet& set = rack.ledger["pdu"].sets[0];
  CHECK(set.half_duration_us >= 50'000);
  CHECK(set.half_duration_us < 75'000);  // both together: 80 ms
}

TEST_CASE("what libmodbus encodes is decoded exactly") {
  LibmodbusServer server;
  modbus_set_float(230.125F, server.registers().tab_input_registers + 20);  // low word first
  server.registers().tab_registers[10] = 0xFFFF;
  server.registers().tab_registers[11] = 0xFF00;
  server.registers().tab_registers[30] = 65534;
  server.start();
  Rack rack;
  MeterConfig& meter = rack.add("pdu", {"127.0.0.1", server.port()});
  meter.profile.registers = {value_at(10, {Quantity::active_power, Place::whole, 0}, Wire::i32, 0.5),
                             value_at(20, {Quantity::voltage, Place::l1, 0}, Wire::f32),
                             value_at(30, {Quantity::apparent_power, Place::whole, 0})};
  meter.profile.registers[1].function = 4;
  meter.profile.registers[1].word_order = WordOrder::little;
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].polls() == 1; }));
  REQUIRE(rack.ledger["pdu"].sets.size() == 1);
  CHECK(rack.ledger["pdu"].sets[0].values == std::vector<double>{-128, 230.125, 65534});
  rack.driver.reset();
}

TEST_CASE("units behind one address share one connection, one request at a time") {
  Rack rack;
  ScriptedMeter gateway(rack.io, [](const Asked& asked) { return answers(asked, asked.unit); });
  for (std::uint8_t unit = 1; unit <= 3; ++unit)
    rack.add("m" + std::to_string(unit), gateway.address(), unit);
  REQUIRE(rack.run_until([&] {
    return std::min({rack.ledger["m1"].sets.size(), rack.ledger["m2"].sets.size(),
                     rack.ledger["m3"].sets.size()}) == 3;
  }));
  CHECK(gateway.connections() == 1);
  CHECK(rack.ledger["m3"].sets[0].values[0] == 3);
  CHECK(rack.driver->bus_use().size() == 1);
}

TEST_CASE("a silent unit is asked less and less, and its neighbours are read at every beat") {
  Rack rack;
  ScriptedMeter gateway(rack.io,
                        [](const Asked& asked) { return asked.unit == 1 ? Act{} : answers(asked, 1); });
  rack.add("silent", gateway.address(), 1);
  rack.add("healthy", gateway.address(), 2);
  ScriptedMeter other(rack.io, [](const Asked& asked) { return answers(asked, 1); });
  rack.add("elsewhere", other.address());
  REQUIRE(rack.run_until([&] { return rack.ledger["elsewhere"].sets.size() == 30; }));

  const auto& silent = rack.ledger["silent"];
  CHECK(silent.sets.empty());
  CHECK(silent.faults.front().fault_class == FaultClass::timeout);
  CHECK(silent.polls() == 3);  // at about 0, 0.2, 0.5 s, then in a minute
  CHECK(silent.faults[1].message.find("left alone") == std::string::npos);
  const std::string again = "; it is left alone now and asked again at hh:mm:ssZ";
  CHECK(silent.faults[2].message.find(again.substr(0, again.find("hh"))) ==
        silent.faults[2].message.size() - again.size());
  const modbus::BusUse shared = rack.driver->bus_use()[0];
  CHECK(shared.units[0].quarantined);
  CHECK_FALSE(shared.units[1].quarantined);
  CHECK(shared.units[0].requests == 3);
  CHECK(shared.units[0].failures[FaultClass::timeout] == 3);
  CHECK_FALSE(rack.driver->bus_use()[1].units[0].quarantined);
  CHECK(silent.skipped == 0);
  CHECK(rack.ledger["healthy"].faults.empty());
  CHECK(rack.ledger["healthy"].skipped == 0);
  CHECK(rack.ledger["healthy"].sets.size() >= 28);
  CHECK(rack.ledger["healthy"].most_late() < 190ms);
  CHECK(rack.ledger["healthy"].times_later_than(50ms) <= 2);  // it goes before what may cost a timeout
  CHECK(rack.ledger["elsewhere"].skipped == 0);
  CHECK(rack.ledger["elsewhere"].most_late() < 90ms);
}

TEST_CASE("a meter that comes back is read again at every beat") {
  Rack rack;
  ScriptedMeter device(rack.io,
                       [](const Asked& asked) { return asked.request <= 3 ? Act{} : answers(asked, 1); });
  rack.add("pdu", device.address());
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].sets.size() == 4; }));
  const auto& pdu = rack.ledger["pdu"];
  CHECK(pdu.faults.size() == 3);
  CHECK(pdu.sets[3].time.monotonic_us - pdu.sets[0].time.monotonic_us < 480'000);
}

TEST_CASE("what is refused is absent, the rest is read in the same poll") {
  Rack rack;
  std::uint16_t refused = 0;
  std::size_t of_refused = 0;
  SUBCASE("energy: then the next answer gives the time") { refused = 10; }
  SUBCASE("voltage") { refused = 200, of_refused = 1; }
  ScriptedMeter device(rack.io, [&](const Asked& asked) {
    if (asked.address != refused) return answers(asked, 50);
    return Act{.bytes = exception(asked.transaction, asked.unit, asked.function, 2)};
  });
  rack.add("pdu", device.address());
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].polls() == 3; }));
  const auto& pdu = rack.ledger["pdu"];
  CHECK(device.connections() == 1);
  REQUIRE(pdu.sets.size() == 3);
  for (const ReadingSet& set : pdu.sets) {
    CHECK_FALSE(is_known(set.values[of_refused]));
    CHECK(set.values[1 - of_refused] == (of_refused == 1 ? 50 : 5));
    CHECK(set.time.monotonic_us > 0);
  }
  CHECK(device.requests() == 4);  // what was refused is not asked for at every beat
  const std::string why = rack.driver->why_absent(0, pdu.source->fields[of_refused].channel);
  CHECK(why.find("reading registers " + std::to_string(refused)) != std::string::npos);
  CHECK(why.find("compare the profile with the manual") != std::string::npos);
  CHECK(why.find("asked for again after a new connection, at the latest in 60 min") != std::string::npos);
}

TEST_CASE("a meter that refuses everything is asked seldom") {
  Rack rack;
  ScriptedMeter device(rack.io, [&](const Asked& asked) {
    return Act{.bytes = exception(asked.transaction, asked.unit, asked.function, 2)};
  });
  rack.add("pdu", device.address());
  ScriptedMeter other(rack.io, [](const Asked& asked) { return answers(asked, 1); });
  rack.add("other", other.address());
  REQUIRE(rack.run_until([&] { return rack.ledger["other"].sets.size() == 10; }));
  REQUIRE(rack.ledger["pdu"].faults.size() == 1);
  CHECK(rack.ledger["pdu"].faults[0].code == 2);
  CHECK(rack.ledger["pdu"].faults[0].message.find("meter pdu: reading registers 10 to 10") == 0);
  CHECK(device.requests() == 2);
}

TEST_CASE("a block that times out costs one timeout a back-off, not one a poll") {
  Rack rack;
  ScriptedMeter device(rack.io,
                       [](const Asked& asked) { return asked.address == 10 ? answers(asked, 5) : Act{}; });
  rack.add("pdu", device.address());
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].sets.size() == 12; }));
  CHECK(rack.ledger["pdu"].faults.empty());
  CHECK(device.requests() - 12 <= 5);
}

TEST_CASE("a gateway's 0x0B concerns that unit only") {
  Rack rack;
  ScriptedMeter gateway(rack.io, [](const Asked& asked) {
    if (asked.unit != 1) return answers(asked, 1);
    return Act{.bytes = exception(asked.transaction, asked.unit, asked.function, 11)};
  });
  rack.add("gone", gateway.address(), 1);
  rack.add("here", gateway.address(), 2);
  REQUIRE(rack.run_until([&] { return rack.ledger["here"].sets.size() == 10; }));
  CHECK(rack.ledger["gone"].polls() <= 5);
  CHECK(rack.ledger["gone"].faults[0].code == 11);
  CHECK(rack.ledger["here"].faults.empty());
  CHECK(rack.ledger["here"].skipped == 0);
  CHECK(gateway.connections() == 1);
}

TEST_CASE(
    "without a connection every meter of the bus has failed, and the address is left alone for a while") {
  Rack rack;
  ModbusAddress nobody;
  {
    const tcp::acceptor closed(rack.io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    nobody = {"127.0.0.1", closed.local_endpoint().port()};
  }
  rack.add("a", nobody, 1);
  rack.add("b", nobody, 2);
  ScriptedMeter device(rack.io, [](const Asked& asked) { return answers(asked, 1); });
  rack.add("c", device.address());
  REQUIRE(rack.run_until([&] { return rack.ledger["c"].sets.size() == 15; }));
  for (const char* name : {"a", "b"}) {
    CHECK(rack.ledger[name].faults.size() >= 1);
    CHECK(rack.ledger[name].faults.size() <= 2);
    CHECK(rack.ledger[name].faults[0].fault_class == FaultClass::connection);
    CHECK(rack.ledger[name].skipped == 0);
  }
  CHECK(rack.ledger["c"].skipped == 0);
}

TEST_CASE("close_after_poll closes") {
  Rack rack;
  ScriptedMeter device(rack.io, [](const Asked& asked) { return answers(asked, 1); });
  MeterConfig& meter = rack.add("pdu", device.address());
  meter.close_after_poll = true;
  meter.interval = 1s;
  REQUIRE(rack.run_until([&] { return rack.ledger["pdu"].sets.size() == 3; }));
  CHECK(device.connections() == 3);
  CHECK(rack.ledger["pdu"].skipped == 0);
}

TEST_CASE("without meters it waits to be cancelled") {
  Rack rack;
  CHECK_FALSE(rack.run_until([] { return false; }, 50ms));
}
