#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "config/load.h"
#include "tests/unit/config/shipped_vendors.h"

using namespace flopwatt;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

Config load_buses(const std::string& text) {
  const fs::path file = fs::temp_directory_path() / ("flopwatt-serial-" + std::to_string(getpid()) + ".yml");
  std::ofstream(file) << text;
  const DataPaths paths{{fs::path(FLOPWATT_SOURCE_DIR) / "config/meters"},
                        fs::path(FLOPWATT_SOURCE_DIR) / "config/accelerators.yml"};
  const Loaded loaded = load_config(file, paths, {test::shipped_vendors, {}});
  fs::remove(file);
  for (const Finding& finding : loaded.findings) CAPTURE(finding.text());
  CHECK_FALSE(loaded.has_errors());
  return loaded.config;
}

}  // namespace

TEST_CASE("a serial bus gives its meters line, settings, timeout and turnaround") {
  const Config config = load_buses(R"(
node: n
buses:
  - {name: row-a, address: "rtu:///dev/ttyUSB0", baud: 19200, parity: even, stop_bits: 2, timeout: 250ms, turnaround: 5ms}
  - {name: row-b, address: "rtu+tcp://10.0.0.4:4001"}
meters:
  - {name: a, bus: row-a, unit_id: 247, profile: abb-b23-b24, accuracy: {class: 1}}
  - {name: b, bus: row-b, unit_id: 3, profile: carlo-gavazzi-em24-din, accuracy: {class: 1}}
  - {name: c, address: "rtu:///dev/ttyS0", profile: carlo-gavazzi-em24-din, accuracy: {class: 1}}
)");
  REQUIRE(config.meters.size() == 3);
  const MeterConfig& a = config.meters[0];
  CHECK(a.address == ModbusAddress{"/dev/ttyUSB0", 0, Transport::rtu});
  CHECK(a.serial == SerialSettings{.baud = 19200, .parity = Parity::even, .stop_bits = 2});
  CHECK(a.bus == "row-a");
  CHECK(a.unit_id == 247);
  CHECK(a.timeout == 250ms);
  CHECK(a.pause == 5ms);
  const MeterConfig& b = config.meters[1];
  CHECK(b.address == ModbusAddress{"10.0.0.4", 4001, Transport::rtu_tcp});
  CHECK(b.timeout == 1s);
  const MeterConfig& c = config.meters[2];
  CHECK(c.bus == "rtu:///dev/ttyS0");
  CHECK(c.serial == SerialSettings{.baud = 9600, .parity = Parity::none, .stop_bits = 1});
  CHECK(c.timeout == 500ms);
  CHECK((c.timeout_grows && !b.timeout_grows && !a.timeout_grows));
}

TEST_CASE("branches are labelled") {
  const Config config = load_buses(R"(
node: n
meters:
  - name: pdu
    address: tcp://10.0.0.1
    accuracy: {class: 1}
    branches: {1: gpu-01-psu1, 7: "7"}
    registers:
      - {quantity: active_power, branch: 1, address: 0, function: 3, type: u16}
      - {quantity: active_power, branch: 7, address: 1, function: 3, type: u16}
      - {quantity: active_power, branch: 8, address: 2, function: 3, type: u16}
      - {quantity: active_power, address: 3, function: 3, type: u16}
)");
  CHECK(config.meters.at(0).branch_labels ==
        std::map<std::uint16_t, std::string>{{1, "gpu-01-psu1"}, {7, "7"}});
}
