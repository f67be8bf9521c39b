#include "drivers/accelerators/messages.h"

#include <doctest/doctest.h>

#include <limits>

namespace flopwatt::nvidia {
namespace {

DeviceReading full_reading() {
  DeviceReading reading;
  reading.time = {1'795'000'000'123'456, 98'765'432};
  reading.half_duration_us = 321;
  reading.power_mw = 412'345;
  reading.power_limit_mw = 700'000;
  reading.core_clock_mhz = 1980;
  reading.energy_mj = std::numeric_limits<std::uint64_t>::max();
  reading.memory_used_bytes = 85'520'809'983;
  reading.memory_total_bytes = 85'520'809'984;
  reading.utilization_percent = 97;
  reading.temperature_c = -3;
  reading.pipes_sampled = true;
  reading.pipes = PipeSample{.ratios = {0.5, 0.25, absent, 1.0 / 3, 0, 1},
                             .seconds = 1.000123,
                             .clock_begin_hz = 1.98e9,
                             .clock_end_hz = absent};
  return reading;
}

DeviceReading read_back(const DeviceReading& reading) {
  auto message = parse(format(DeviceMessage{3, reading}, "0000:41:00.0"));
  REQUIRE(message);
  auto* const device = std::get_if<DeviceMessage>(&*message);
  REQUIRE(device);
  CHECK(device->device == 3);
  REQUIRE(device->result);
  return *device->result;
}

}  // namespace

TEST_CASE("a reading comes through to the last digit") {
  const DeviceReading sent = full_reading();
  const DeviceReading got = read_back(sent);
  CHECK(got.time == sent.time);
  CHECK(got.half_duration_us == sent.half_duration_us);
  CHECK(got.power_mw == sent.power_mw);
  CHECK(got.power_limit_mw == sent.power_limit_mw);
  CHECK(got.core_clock_mhz == sent.core_clock_mhz);
  CHECK(got.energy_mj == sent.energy_mj);
  CHECK(got.memory_used_bytes == sent.memory_used_bytes);
  CHECK(got.memory_total_bytes == sent.memory_total_bytes);
  CHECK(got.utilization_percent == sent.utilization_percent);
  CHECK(got.temperature_c == sent.temperature_c);
  CHECK(got.pipes_sampled);
  REQUIRE(got.pipes);
  for (const PipeIndex known : {hmma_pipe, imma_pipe, fp64_pipe, fp32_pipe, fp16_pipe})
    CHECK(got.pipes->ratios[known] == sent.pipes->ratios[known]);
  CHECK_FALSE(is_known(got.pipes->ratios[dfma_pipe]));
  CHECK(got.pipes->seconds == sent.pipes->seconds);
  CHECK(got.pipes->clock_begin_hz == sent.pipes->clock_begin_hz);
  CHECK_FALSE(is_known(got.pipes->clock_end_hz));
}

TEST_CASE("what a device does not tell stays absent") {
  DeviceReading sent;
  sent.time = {1, 2};
  const DeviceReading got = read_back(sent);
  CHECK_FALSE(got.power_mw);
  CHECK_FALSE(got.energy_mj);
  CHECK_FALSE(got.temperature_c);
  CHECK_FALSE(got.pipes_sampled);
  CHECK_FALSE(got.pipes);
}

TEST_CASE("a failure comes through with its code") {
  const auto message = parse(format(DeviceMessage{1, DeviceFailure{15, "GPU_IS_LOST"}}, "0000:41:00.0"));
  REQUIRE(message);
  const auto* const device = std::get_if<DeviceMessage>(&*message);
  REQUIRE(device);
  REQUIRE_FALSE(device->result);
  CHECK(device->result.error().code == 15);
  CHECK(device->result.error().text == "GPU_IS_LOST");
}

TEST_CASE("a hello comes through with every identity") {
  Hello sent{.driver = "570.86.15", .devices = {}};
  sent.devices.push_back({.pci = "0000:41:00.0",
                          .uuid = "GPU-1",
                          .name = "NVIDIA \"H100\"",
                          .serial = "165",
                          .compute_major = 9,
                          .compute_minor = 0,
                          .cores = 16896,
                          .has_power = true,
                          .has_energy_counter = true,
                          .has_pipes = true,
                          .no_pipes_reason = ""});
  DeviceIdentity& second = sent.devices.emplace_back();
  second.pci = "0000:c1:00.0";
  second.no_pipes_reason = "nvmlGpmQueryDeviceSupport: NOT_SUPPORTED (3)";
  const auto message = parse(format(sent));
  REQUIRE(message);
  const auto* const got = std::get_if<Hello>(&*message);
  REQUIRE(got);
  CHECK(got->driver == sent.driver);
  CHECK(got->devices == sent.devices);
}

TEST_CASE("why there is no library comes through") {
  const auto message = parse(format(Unavailable{.no_library = true, .text = "no such file", .code = 12}));
  REQUIRE(message);
  const auto* const got = std::get_if<Unavailable>(&*message);
  REQUIRE(got);
  CHECK(got->no_library);
  CHECK(got->text == "no such file");
  CHECK(got->code == 12);
}

TEST_CASE("the agent's words are what parse() and the guest know") {
  const auto done = parse(done_message);
  REQUIRE(done);
  CHECK(std::holds_alternative<DoneMessage>(*done));
  CHECK(poll_message == R"({"message":"poll"})");
}

TEST_CASE("what the guest does not say is refused as protocol") {
  for (const char* const wrong : {
           "",
           "{",
           "[]",
           "3",
           "{}",
           R"({"message":7})",
           R"({"message":"dance"})",
           R"({"message":"device"})",                                           // which device?
           R"({"message":"device","device":-1,"time_us":1,"monotonic_us":1})",  // no such number
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
           R"({"message":"hello","devices":[{"uuid":"GPU-1"}]})",  // no address to hold on to
           R"({"message":"unavailable","text":5})",
       }) {
    CAPTURE(wrong);
    const auto message = parse(wrong);
    REQUIRE_FALSE(message);
    CHECK(message.error().fault_class == FaultClass::protocol);
  }
}

}  // namespace flopwatt::nvidia
