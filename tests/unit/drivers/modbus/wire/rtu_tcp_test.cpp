#include <doctest/doctest.h>

#include "rack.h"
#include "rtu_line.h"
#include "scripted_meter.h"

using namespace flopwatt;
using namespace flopwatt::modbus_test;

namespace {

// A serial device server with some units behind it.
struct Server {
  Rack rack;
  ScriptedMeter device;

  explicit Server(ScriptedMeter::Script script) : device(rack.io, std::move(script), Transport::rtu_tcp) {}
  MeterConfig& add(const std::string& name, std::uint8_t unit) {
    return rack.add(name, device.address(), unit);
  }
};

}  // namespace

TEST_CASE("units behind a serial device server are read over one connection") {
  Server server([](const Asked& asked) { return rtu_answers(asked, asked.unit); });
  server.add("a", 1);
  server.add("b", 2);
  REQUIRE(server.rack.run_until([&] { return server.rack.ledger["b"].sets.size() == 5; }));
  CHECK(server.device.connections() == 1);
  CHECK(server.rack.ledger["a"].faults.empty());
  CHECK(server.rack.ledger["a"].sets[0].values[0] == 1);
  CHECK(server.rack.ledger["b"].sets[0].values[0] == 2);
}

TEST_CASE("a timeout closes the connection, so that a late answer never becomes the next value") {
  Server server([](const Asked& asked) {
    Act act = rtu_answers(asked, static_cast<std::uint16_t>(asked.request));
    if (asked.request == 1) act.after = 150ms;
    return act;
  });
  server.add("a", 1);
  REQUIRE(server.rack.run_until([&] { return server.rack.ledger["a"].sets.size() == 3; }));
  const auto& a = server.rack.ledger["a"];
  REQUIRE(a.faults.size() == 1);
  CHECK(a.faults[0].fault_class == FaultClass::timeout);
  CHECK(a.faults[0].message.find("no answer within 100 ms") != std::string::npos);
  CHECK(server.device.connections() == 2);
  CHECK(a.sets[0].values[0] == 2);
}

TEST_CASE("what nobody asked for is not the answer to the next request") {
  Server server([](const Asked& asked) {
    Act act = rtu_answers(asked, static_cast<std::uint16_t>(asked.request));
    if (asked.request != 2) return act;
    // The answer, and once more a moment later.
    act.bytes = act.bytes + rtu_answer(asked.unit, asked.function, {99});
    act.between_bytes = 1ms;
    return act;
  });
  server.add("a", 1);
  REQUIRE(server.rack.run_until([&] { return server.rack.ledger["a"].sets.size() == 4; }));
  const auto& a = server.rack.ledger["a"];
  CHECK(a.faults.empty());  // the connection was opened again within the poll
  CHECK(server.device.connections() == 2);
  for (const ReadingSet& set : a.sets) CHECK(set.values[0] != 99);
}

TEST_CASE("wrong checksums are counted as such") {
  Server server([](const Asked& asked) {
    Act act = rtu_answers(asked, 1);
    if (asked.request <= 2) act.bytes.back() ^= 1;
    return act;
  });
  server.add("a", 1);
  REQUIRE(server.rack.run_until([&] { return server.rack.ledger["a"].sets.size() == 1; }));
  const auto& a = server.rack.ledger["a"];
  REQUIRE(a.faults.size() == 2);
  CHECK(a.faults[0].fault_class == FaultClass::crc);
  CHECK(a.faults[0].message.find("at rtu+tcp://127.0.0.1:") != std::string::npos);
  CHECK(server.device.connections() == 3);
}

TEST_CASE("Modbus TCP behind an address of RTU is told") {
  Server server([](const Asked& asked) { return answers(asked, 1); });
  server.add("a", 1);
  REQUIRE(server.rack.run_until([&] { return server.rack.ledger["a"].faults.size() == 1; }));
  CHECK(server.rack.ledger["a"].faults[0].fault_class == FaultClass::protocol);
  CHECK(server.rack.ledger["a"].faults[0].message.find("is written as tcp://") != std::string::npos);
}
