#include "agent/commands/probe/plan.h"

#include <doctest/doctest.h>

#include <vector>

using namespace flopwatt;
using namespace flopwatt::commands;
using namespace std::chrono_literals;

namespace {

using Units = std::vector<std::uint8_t>;

Units units(const char* text, Transport transport = Transport::tcp) {
  return parse_units(text, transport).value.value_or(Units{});
}

}  // namespace

TEST_CASE("units are single ones, ranges and lists, none of them twice") {
  CHECK(units("7") == Units{7});
  CHECK(units("1,2,200-203") == Units{1, 2, 200, 201, 202, 203});
  CHECK(units("5,3-6") == Units{5, 3, 4, 6});
  CHECK(units("1-247", Transport::rtu).size() == 247);
  CHECK(units("0-2,255") == Units{0, 1, 2, 255});
}

TEST_CASE("units that there cannot be are refused") {
  for (const char* wrong : {"", "x", "1-", "9-3", "1,,2", "248", "250-255", "256", "-1", "1 2"})
    CHECK_MESSAGE(!parse_units(wrong, Transport::tcp).value, wrong);
  for (const char* wrong : {"0", "255", "0-5"}) {
    CHECK_MESSAGE(!parse_units(wrong, Transport::rtu).value, wrong);
    CHECK_MESSAGE(!parse_units(wrong, Transport::rtu_tcp).value, wrong);
  }
}

TEST_CASE("without arguments a device on TCP is asked as 1, 255 and 0, a line as 1 to 247") {
  const auto tcp = plan_probe({.address = "tcp://h"});
  REQUIRE(tcp.value);
  CHECK(tcp.value->units == Units{1, 255, 0});
  CHECK(tcp.value->first_only);
  CHECK(tcp.value->timeout == 1s);
  const auto line = plan_probe({.address = "rtu:///dev/ttyUSB0"});
  REQUIRE(line.value);
  CHECK(line.value->units.size() == 247);
  CHECK_FALSE(line.value->first_only);
  CHECK(line.value->settings == std::vector{SerialSettings{}});
  CHECK(line.value->timeout == 300ms);
  CHECK(line.value->longest_silence() > 247 * 300ms);
  CHECK(line.value->longest_silence() < 247 * 350ms);
}

TEST_CASE("every baud rate is tried with every parity") {
  const auto plan =
      plan_probe({.address = "rtu:///dev/x", .unit_id = "1", .baud = "9600,19200", .parity = "none,even"});
  REQUIRE(plan.value);
  CHECK(plan.value->settings == std::vector<SerialSettings>{{9600, Parity::none, 1},
                                                            {9600, Parity::even, 1},
                                                            {19200, Parity::none, 1},
                                                            {19200, Parity::even, 1}});
}
