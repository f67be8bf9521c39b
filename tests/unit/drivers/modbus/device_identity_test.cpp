#include "drivers/modbus/device_identity.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

using namespace flopwatt;
using namespace flopwatt::modbus;

namespace {

MeterConfig with_serial_number(std::uint16_t text_registers) {
  MeterConfig config;
  config.profile.vendor = "Maker";
  config.profile.model = "M1";
  IdentifyingRegister version, serial;
  version.meaning = "firmware version";
  serial.meaning = "serial number";
  serial.address = 500;
  serial.wire = Wire::u32;
  serial.text_registers = text_registers;
  config.profile.identify = {version, serial};
  return config;
}

MeterConfig of_sunspec(std::uint8_t model) {
  MeterConfig config;
  config.name = "pdu";
  config.profile.id = "sunspec";
  config.profile.sunspec = true;
  config.sunspec_model = model;
  return config;
}

SunSpecDevice device_with_meter(const std::string& serial) {
  SunSpecDevice device;
  device.base = 40000;
  device.manufacturer = "Other";
  device.model = "S3";
  device.serial = serial;
  device.models = {{1, 40002, 66}, {203, 40070, 105}};
  return device;
}

Identity described(const DeviceIdentity& identity) {
  Identity written;
  identity.describe(written);
  return written;
}

}  // namespace

TEST_CASE("a serial number is read once, whatever is answered") {
  const std::array<std::uint8_t, 4> number{0, 1, 0, 1};
  const std::array<std::uint8_t, 4> none{0, 0, 0, 0};
  const std::array<std::uint8_t, 4> text{'A', 'B', '1', 0};
  const auto serial_after = [](std::uint16_t text_registers, const Result<Answer>& answer) {
    const MeterConfig config = with_serial_number(text_registers);
    DeviceIdentity identity(config);
    REQUIRE(identity.unread_serial_number() != nullptr);
    CHECK(identity.unread_serial_number()->address == 500);
    identity.take_serial_number(answer);
    CHECK(identity.unread_serial_number() == nullptr);
    CHECK(described(identity).vendor == "Maker");
    CHECK(described(identity).model == "M1");
    return described(identity).serial;
  };
  CHECK(serial_after(0, Answer{{}, {}, number}) == "65537");
  CHECK(serial_after(0, Answer{{}, {}, none}).empty());
  CHECK(serial_after(2, Answer{{}, {}, text}) == "AB1");
  CHECK(serial_after(0, Fault{FaultClass::exception, "refused", 2}).empty());

  const MeterConfig nameless;
  CHECK(DeviceIdentity(nameless).unread_serial_number() == nullptr);
}

TEST_CASE("a session begins with a connection, and after a failed poll") {
  const MeterConfig config;
  DeviceIdentity identity(config);
  CHECK(identity.begin_session(0));
  CHECK_FALSE(identity.begin_session(0));
  CHECK(identity.begin_session(1));
  CHECK_FALSE(identity.begin_session(1));
  identity.may_be_exchanged();
  CHECK(identity.begin_session(1));
}

TEST_CASE("models are searched until they are found, and again where the device may be another one") {
  const MeterConfig config = of_sunspec(1);
  DeviceIdentity identity(config);
  CHECK(identity.wants_search(1, false));
  const auto is_other = identity.take_search(device_with_meter("S-1"), 1);
  REQUIRE(is_other);
  CHECK(*is_other);
  CHECK(identity.profile().registers.size() > 1);
  CHECK(described(identity).vendor == "Other");
  CHECK(described(identity).model == "S3");
  CHECK(described(identity).serial == "S-1");

  CHECK_FALSE(identity.wants_search(1, false));
  CHECK_FALSE(identity.wants_search(1, true));
  CHECK_FALSE(identity.wants_search(2, false));
  CHECK(identity.wants_search(2, true));
  identity.register_is_missing();
  CHECK(identity.search_again());
  CHECK(identity.wants_search(1, false));
}

TEST_CASE("what is configured of a SunSpec meter goes before what the device says") {
  const auto registers_of = [](const MeterConfig& config) {
    DeviceIdentity identity(config);
    REQUIRE(identity.take_search(device_with_meter("S-1"), 1));
    return identity.profile().registers;
  };
  const auto find = [](const std::vector<Register>& registers, Quantity quantity) {
    const auto found = std::ranges::find(registers, Channel{quantity}, &Register::channel);
    REQUIRE(found != registers.end());
    return *found;
  };
  const auto plain = registers_of(of_sunspec(1));
  MeterConfig config = of_sunspec(1);
  config.invert = true;
  const auto turned = registers_of(config);
  CHECK(turned.size() == plain.size());
  CHECK(find(turned, Quantity::active_power).scale == -find(plain, Quantity::active_power).scale);
  CHECK(find(turned, Quantity::energy_import).address == find(plain, Quantity::energy_export).address);

  // Its own registers are as they are to be read: `invert` has been applied to them already.
  config.profile.registers.resize(2);
  config.profile.registers[0].channel = {Quantity::energy_import};
  config.profile.registers[0].address = 7;
  config.profile.registers[1].channel = {Quantity::active_power, Place::branch, 1};
  const auto own = registers_of(config);
  CHECK(own.size() == plain.size() + 1);
  CHECK(find(own, Quantity::energy_import).address == 7);
  CHECK(own.back().channel.branch == 1);
}

TEST_CASE("a search that finds the same device changes nothing, another device begins a session") {
  const MeterConfig config = of_sunspec(1);
  DeviceIdentity identity(config);
  REQUIRE(*identity.take_search(device_with_meter("S-1"), 1));
  CHECK(identity.begin_session(1));
  identity.register_is_missing();
  CHECK_FALSE(*identity.take_search(device_with_meter("S-1"), 2));
  CHECK_FALSE(identity.search_again());
  CHECK_FALSE(identity.wants_search(2, true));
  CHECK_FALSE(identity.begin_session(1));

  CHECK(*identity.take_search(device_with_meter("S-2"), 2));
  CHECK(described(identity).serial == "S-2");
  CHECK(identity.begin_session(1));
}

TEST_CASE("a device without that meter is a fault, and is searched again") {
  const MeterConfig config = of_sunspec(2);
  DeviceIdentity identity(config);
  const auto none = identity.take_search(std::nullopt, 1);
  REQUIRE_FALSE(none);
  CHECK(none.error().fault_class == FaultClass::device);
  CHECK(none.error().message.find("its marker is not at register") != std::string::npos);
  const auto one = identity.take_search(device_with_meter("S-1"), 1);
  REQUIRE_FALSE(one);
  CHECK(one.error().message.find("only 1 meter model, and sunspec_model is 2") != std::string::npos);
  CHECK(identity.wants_search(1, false));
  CHECK(described(identity).serial.empty());
}

TEST_CASE("a meter with a profile of its own is never searched") {
  const MeterConfig config = with_serial_number(0);
  DeviceIdentity identity(config);
  identity.register_is_missing();
  CHECK_FALSE(identity.search_again());
  CHECK_FALSE(identity.wants_search(1, true));
}
