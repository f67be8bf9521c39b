#include "drivers/modbus/bus_plan.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

namespace {

MeterConfig meter(const char* name, const char* host, std::uint16_t port, int registers) {
  MeterConfig config;
  config.name = name;
  config.address = {host, port};
  config.bus = std::string("bus-") + host;
  config.interval = 1s;
  for (int i = 0; i < registers; ++i) {
    Register reg;
    reg.address = static_cast<std::uint16_t>(1000 * i);  // a request each
    config.profile.registers.push_back(reg);
  }
  return config;
}

}  // namespace

TEST_CASE("meters of one address share a bus") {
  Config config;
  config.meters = {meter("a", "10.0.0.1", 502, 1), meter("b", "10.0.0.2", 502, 1),
                   meter("c", "10.0.0.1", 502, 2), meter("d", "10.0.0.1", 503, 1)};
  const auto buses = plan_buses(config);
  REQUIRE(buses.size() == 3);
  CHECK(buses[0].name() == "bus-10.0.0.1");
  REQUIRE(buses[0].meters.size() == 2);
  CHECK(buses[0].meters[0]->name == "a");
  CHECK(buses[0].meters[1]->name == "c");
  CHECK(buses[0].cycle == 30ms);
  CHECK(buses[1].cycle == 10ms);
  CHECK(buses[2].meters[0]->name == "d");
}

TEST_CASE("a cycle counts requests, pauses and connections") {
  MeterConfig slow = meter("a", "10.0.0.1", 502, 3);
  slow.pause = 100ms;
  MeterConfig shy = meter("b", "10.0.0.1", 502, 1);
  shy.close_after_poll = true;
  CHECK(planned_cycle({&slow}) == 330ms);
  CHECK(planned_cycle({&slow, &shy}) == 350ms);
  CHECK(planned_cycle({}) == 0ms);
}
