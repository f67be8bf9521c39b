#include "drivers/accelerators/messages.h"

#include <doctest/doctest.h>

#include <cmath>

#include "hopper_table.h"

namespace flopwatt::accelerators {
namespace {

const std::vector<DeviceIdentity> devices = {h100("0000:41:00.0"), h100("0000:42:00.0"), h100("0000:43:00.0"),
                                             h100("0000:44:00.0")};

DeviceReading full_reading() {
  DeviceReading reading;
  reading.time = {1'795'000'000'123'456, 98'765'432};
  reading.half_duration_us = 321;
  // As the figures of h100(): a power beyond 24 bits, an energy beyond all, a temperature below zero.
  reading.numbers = {412'345'678, 700'000, std::ldexp(1.0, 64), 97, 85'520'809'983, 85'520'809'984, 1980, -3};
  reading.activity_sampled = true;
  reading.activity = Activity{.ratios = {0.5, 0.25, absent, 1.0 / 3, 0, 1},
                              .seconds = 1.000123,
                              .clock_begin_hz = 1.98e9,
                              .clock_end_hz = absent,
                              .clock_before_hz = 1.2e9,
                              .cycles = 1.980000123e9};
  return reading;
}

DeviceReading read_back(const DeviceReading& reading) {
  auto message = parse(format(DeviceMessage{3, reading}, devices[3]), devices);
  REQUIRE(message);
  auto* const device = std::get_if<DeviceMessage>(&*message);
  REQUIRE(device);
  CHECK(device->device == 3);
  REQUIRE(device->result);
  return *device->result;
}

/// The message as people see it.
std::string shown(double power_mw) {
  DeviceReading reading = full_reading();
  reading.numbers[0] = power_mw;
  return format(DeviceMessage{3, reading}, devices[3]);
}

}  // namespace

TEST_CASE("a reading comes through to the last digit") {
  const DeviceReading sent = full_reading();
  const DeviceReading got = read_back(sent);
  CHECK(got.time == sent.time);
  CHECK(got.half_duration_us == sent.half_duration_us);
  CHECK(got.numbers == sent.numbers);
  CHECK(got.activity_sampled);
  REQUIRE(got.activity);
  for (const std::size_t known : {0U, 1U, 3U, 4U, 5U})
    CHECK(got.activity->ratios[known] == sent.activity->ratios[known]);
  CHECK_FALSE(is_known(got.activity->ratios[2]));
  CHECK(got.activity->seconds == sent.activity->seconds);
  CHECK(got.activity->clock_begin_hz == sent.activity->clock_begin_hz);
  CHECK_FALSE(is_known(got.activity->clock_end_hz));
  CHECK(got.activity->clock_before_hz == sent.activity->clock_before_hz);
  CHECK(got.activity->cycles == sent.activity->cycles);
}

TEST_CASE("people see whole numbers, with their units") {
  CHECK(shown(412'345).find(R"("power_mw":412345,)") != std::string::npos);
  CHECK(shown(0.5).find(R"("power_mw":5E-1,)") != std::string::npos);
}

TEST_CASE("what a device does not tell stays absent") {
  DeviceReading sent;
  sent.time = {1, 2};
  sent.numbers.assign(devices[3].figures.size(), absent);
  const DeviceReading got = read_back(sent);
  REQUIRE(got.numbers.size() == sent.numbers.size());
  for (const double number : got.numbers) CHECK_FALSE(is_known(number));
  CHECK_FALSE(got.activity_sampled);
  CHECK_FALSE(got.activity);
}

TEST_CASE("a failure comes through with its code") {
  const auto message = parse(format(DeviceMessage{1, DeviceFailure{15, "GPU_IS_LOST"}}, devices[1]), devices);
  REQUIRE(message);
  const auto* const device = std::get_if<DeviceMessage>(&*message);
  REQUIRE(device);
  REQUIRE_FALSE(device->result);
  CHECK(device->result.error().code == 15);
  CHECK(device->result.error().text == "GPU_IS_LOST");
}

TEST_CASE("a hello comes through with every identity") {
  Hello sent{.driver = "570.86.15", .devices = {}};
  sent.devices.push_back(h100());
  sent.devices.back().name = "NVIDIA \"H100\"";
  sent.devices.back().figures[0].field.resolution = 0.25;
  DeviceIdentity& second = sent.devices.emplace_back();
  second.pci = "0000:c1:00.0";
  second.energy_source = EnergySource::counter;
  // A counter in steps of 2^-16 J, as AMD has.
  second.figures = {
      {"energy_steps", {.channel = {.quantity = Quantity::energy}, .wire = Wire::u64, .scale = 1.0 / 65536}}};
  second.no_activity_reason = "nvmlGpmQueryDeviceSupport: NOT_SUPPORTED (3)";
  DeviceIdentity& third = sent.devices.emplace_back(h100("0000:d1:00.0"));
  third.energy_source = EnergySource::integrated;
  third.figures = nvidia::figures(false);
  const auto message = parse(format(sent), {});
  REQUIRE(message);
  const auto* const got = std::get_if<Hello>(&*message);
  REQUIRE(got);
  CHECK(got->driver == sent.driver);
  CHECK(got->devices == sent.devices);
}

TEST_CASE("why there is no library comes through") {
  const auto message = parse(format(Unavailable{.no_library = true, .text = "no such file", .code = 12}), {});
  REQUIRE(message);
  const auto* const got = std::get_if<Unavailable>(&*message);
  REQUIRE(got);
  CHECK(got->no_library);
  CHECK(got->text == "no such file");
  CHECK(got->code == 12);
}

TEST_CASE("the agent's words are what parse() and the guest know") {
  const auto done = parse(done_message, {});
  REQUIRE(done);
  CHECK(std::holds_alternative<DoneMessage>(*done));
  CHECK(poll_message == R"({"message":"poll"})");
}

TEST_CASE("what the guest does not say is refused as protocol") {
  for (
      const char* const wrong : {
          "",
          "{",
          "[]",
          "3",
          "{}",
          R"({"message":7})",
          R"({"message":"dance"})",
          R"({"message":"device"})",                                           // which device?
          R"({"message":"device","device":-1,"time_us":1,"monotonic_us":1})",  // no such number
          R"({"message":"device","device":4,"time_us":1,"monotonic_us":1})",   // not in the hello
          R"({"message":"device","device":0})",                                // no time
          R"({"message":"device","device":0,"time_us":1,"monotonic_us":1,"power_mw":-5})",
          R"({"message":"device","device":0,"time_us":1,"monotonic_us":1,"power_mw":1e12})",  // not of its
                                                                                              // width
          R"({"message":"device","device":0,"time_us":1,"monotonic_us":1,"power_mw":"5"})",
          R"({"message":"device","device":0,"time_us":1,"monotonic_us":1,"utilization_percent":300})",
          R"({"message":"device","device":0,"time_us":1,"monotonic_us":1,"activity":{"hmma":"x"}})",
          R"({"message":"device","device":0,"code":"x","error":"y"})",
          R"({"message":"hello"})",
          R"({"message":"hello","devices":[1]})",
          R"({"message":"hello","devices":[{"uuid":"GPU-1","figures":[],"activity":[]}]})",  // no address to hold on to
          R"({"message":"hello","devices":[{"pci":"0000:41:00.0","figures":5,"activity":[]}]})",
          R"({"message":"hello","devices":[{"pci":"0000:41:00.0","figures":[],"activity":["dance"]}]})",
          // a program of before figures were told
          R"({"message":"hello","devices":[{"pci":"0000:41:00.0","activity":[]}]})",
          R"({"message":"hello","devices":[{"pci":"0000:41:00.0","figures":[]}]})",
          // a counter, or power to integrate, that is not among the figures
          R"({"message":"hello","devices":[{"pci":"0000:41:00.0","energy":"counter","figures":[],"activity":[]}]})",
          R"({"message":"hello","devices":[{"pci":"0000:41:00.0","energy":"integrated","figures":[],"activity":[]}]})",
          R"({"message":"hello","devices":[{"pci":"0000:41:00.0","figures":[{"key":"x","quantity":"dance","wire":3}],"activity":[]}]})",
          R"({"message":"hello","devices":[{"pci":"0000:41:00.0","figures":[{"key":"x","quantity":"power","wire":99}],"activity":[]}]})",
          R"({"message":"hello","devices":[{"pci":"0000:41:00.0","figures":[{"key":"x","quantity":"power","wire":3,"scale":0}],"activity":[]}]})",
          R"({"message":"unavailable","text":5})",
      }) {
    CAPTURE(wrong);
    const auto message = parse(wrong, devices);
    REQUIRE_FALSE(message);
    CHECK(message.error().fault_class == FaultClass::protocol);
    CHECK(message.error().message.starts_with("sent "));
  }
}

TEST_CASE("texts of a library are plain UTF-8: one wrong byte costs no device") {
  Hello sent{.driver = "570\xC0.86", .devices = {h100(), h100("0000:42:00.0")}};
  sent.devices[0].serial =
      "16501230\xFF"
      "0";
  sent.devices[0].name =
      "H100\x1B]0;title\x07 \xC2\x9B"
      "31m\tSXM\xC3\xA9\x7F";
  sent.devices[1].uuid = "GPU-\xED\xA0\x80";
  const auto message = parse(format(sent), {});
  REQUIRE(message);
  const auto& got = std::get<Hello>(*message);
  REQUIRE(got.devices.size() == 2);
  CHECK(got.driver == "570\uFFFD.86");
  CHECK(got.devices[0].serial == "16501230\uFFFD0");
  CHECK(got.devices[0].name == "H100]0;title 31m SXM\u00E9");
  CHECK(got.devices[1].uuid == "GPU-\uFFFD\uFFFD\uFFFD");

  const auto failed = parse(format(DeviceMessage{0, DeviceFailure{15, "lost\x9B\n"}}, h100()), devices);
  REQUIRE(failed);
  CHECK(std::get<DeviceMessage>(*failed).result.error().text == "lost\uFFFD ");
  const auto unavailable = parse(format(Unavailable{.text = "no \xFE library"}), {});
  REQUIRE(unavailable);
  CHECK(std::get<Unavailable>(*unavailable).text == "no \uFFFD library");
}

TEST_CASE("a guest of another version may send control characters: they do not enter either") {
  const auto message = parse(R"({"message":"unavailable","text":"a\u001b[31m\u009bb"})", {});
  REQUIRE(message);
  CHECK(std::get<Unavailable>(*message).text == "a[31mb");
}

TEST_CASE("two devices at one address are refused by it") {
  const auto message = parse(format(Hello{.driver = "570", .devices = {h100(), h100()}}), {});
  REQUIRE_FALSE(message);
  CHECK(message.error().message == "sent two devices at 0000:41:00.0");
}

}  // namespace flopwatt::accelerators
