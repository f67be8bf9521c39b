#include "drivers/modbus/bus_plan.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <vector>

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

TEST_CASE("a cycle of a serial line follows from its baud rate") {
  MeterConfig config = meter("a", "/dev/ttyUSB0", 0, 1);
  config.address.transport = Transport::rtu;
  config.profile.registers[0].wire = Wire::f64;  // 4 registers: 21 bytes on the line
  config.serial = {.baud = 9600, .parity = Parity::even, .stop_bits = 1};
  // 2 x 4.01 ms of silence, 21 characters of 11 bits, the latency.
  CHECK(std::abs((planned_cycle({&config}) - 72'083us).count()) <= 2);
  config.serial = {.baud = 115200};
  CHECK(std::abs((planned_cycle({&config}) - 45'323us).count()) <= 2);  // 10 bits, 1.75 ms
  config.pause = 20ms;  // instead of the silence before the request
  CHECK(std::abs((planned_cycle({&config, &config}) - 2 * 63'573us).count()) <= 4);
  config.address.transport = Transport::rtu_tcp;
  CHECK(planned_cycle({&config}) == 30ms);
}

TEST_CASE("what is asked once for each connection is not counted, of a SunSpec meter one request is") {
  MeterConfig config = meter("a", "10.0.0.1", 502, 2);
  ScaleRegister scale;
  scale.address = 5000;
  config.profile.registers[0].scaled_by = {scale};
  CHECK(planned_cycle({&config}) == 20ms);
  config.profile.registers.clear();
  config.profile.sunspec = true;
  CHECK(planned_cycle({&config}) == 10ms);
  config.address.transport = Transport::rtu;
  // 2 x 4.01 ms of silence, 8 + 5 + 2 x 124 characters of 10 bits, the latency.
  CHECK(std::abs((planned_cycle({&config}) - 319'895us).count()) <= 3);
}

TEST_CASE("beats move where a cycle leaves half of the interval free") {
  CHECK(pace_of(1s, 500ms) == Pace::moving);
  CHECK(pace_of(1s, 500'001us) == Pace::steady);
  CHECK(pace_of(60s, 20s) == Pace::moving);
  CHECK(pace_of(100ms, 0ms) == Pace::moving);
}

TEST_CASE("where they do not, each meter is read first in its turn, and never soon after its poll before") {
  for (const std::size_t meters : {1U, 2U, 3U, 5U, 20U, 32U}) {
    CAPTURE(meters);
    std::vector<int> times_first(meters, 0);
    const auto count = static_cast<int>(meters);
    int last = -1;
    for (std::int64_t beat = 8'000'000'000; beat < 8'000'001'000; ++beat) {
      const auto first = static_cast<int>(first_in_turn(beat, meters));
      REQUIRE(first < count);
      ++times_first[static_cast<std::size_t>(first)];
      for (int meter = 0; meter < count && last >= 0; ++meter) {
        const int moved = (meter + count - first) % count - (meter + count - last) % count;
        REQUIRE(moved > -0.382 * count - 1);
        REQUIRE(moved < 0.618 * count + 1);
      }
      last = first;
    }
    for (const int times : times_first) CHECK(std::abs(times - 1000 / count) <= 4);
  }
}
