// Finding the chain: good ones, and what devices make of them.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "drivers/modbus/sunspec/sunspec.h"
#include "sunspec/device.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace flopwatt::modbus_test;

namespace {

const Fault silence{FaultClass::timeout, "no answer", 0};

Fault exception_of(int code) { return {FaultClass::exception, "refused", code}; }

Registers good_chain(unsigned base) {
  Registers device;
  unsigned next = device.marker(base).common(base + 2, "Maker", "Meter 3", "SN-7");
  next = device.model(next, 203, 105);
  device.end(next);
  return device;
}

std::vector<unsigned> ids(const SunSpecDevice& device) {
  std::vector<unsigned> all;
  for (const SunSpecModel& model : device.models) all.push_back(model.id);
  return all;
}

std::optional<SunSpecDevice> found(SunSpecLine& line) { return line.discover().value(); }

std::optional<SunSpecDevice> found(const Registers& registers) {
  SunSpecLine line(registers);
  return found(line);
}

}  // namespace

TEST_CASE("a chain is found, with what it says of itself") {
  SunSpecLine line(good_chain(40000));
  const auto device = line.discover(7).value();
  REQUIRE(device);
  CHECK(device->base == 40000);
  CHECK(device->function == ReadFunction::holding_registers);
  CHECK(device->manufacturer == "Maker");
  CHECK(device->model == "Meter 3");
  CHECK(device->options == "opt");
  CHECK(device->version == "1.2.3");
  CHECK(device->serial == "SN-7");
  CHECK(device->models == std::vector<SunSpecModel>{{1, 40002, 66}, {203, 40070, 105}});
  // Marker, header, texts, header, end: nothing is asked for twice, nor past the end.
  std::vector<std::pair<unsigned, unsigned>> asked;
  for (const ReadRequest& request : line.requests) {
    CHECK(request.unit == 7);
    asked.emplace_back(request.address, request.count);
  }
  CHECK(asked == std::vector<std::pair<unsigned, unsigned>>{
                     {40000, 2}, {40002, 2}, {40004, 64}, {40070, 2}, {40177, 2}});
}

TEST_CASE("the other bases and the other function") {
  for (const unsigned base : {40000U, 50000U, 0U}) {
    for (const std::uint8_t function : {std::uint8_t{3}, std::uint8_t{4}}) {
      SunSpecLine line(good_chain(base), function);
      const auto device = found(line);
      REQUIRE(device);
      CHECK(device->base == base);
      CHECK(static_cast<std::uint8_t>(device->function) == function);
      CHECK(device->models.back().address == base + 70);
    }
  }
}

TEST_CASE("function 4 is tried only after function 3 has failed everywhere") {
  SunSpecLine line(Registers{});
  CHECK_FALSE(found(line));
  std::vector<std::pair<int, unsigned>> asked;
  for (const ReadRequest& request : line.requests)
    asked.emplace_back(static_cast<int>(request.function), request.address);
  CHECK(asked == std::vector<std::pair<int, unsigned>>{
                     {3, 40000}, {3, 50000}, {3, 0}, {4, 40000}, {4, 50000}, {4, 0}});
}

TEST_CASE("other registers where the marker would be are no SunSpec device") {
  CHECK_FALSE(found(Registers{}.put(40000, {0x5375, 0x6E54}).fill(50000, 10).put(0, {0x6E53, 0x5375})));
}

TEST_CASE("a marker with nothing behind it does not hide a chain at another base") {
  Registers device = good_chain(50000);
  SUBCASE("nothing") { device.marker(40000); }
  SUBCASE("zeros") { device.marker(40000).fill(40002, 10); }
  SUBCASE("the end at once") { device.marker(40000).end(40002); }
  SUBCASE("a chain without model 1") {
    const unsigned next = device.marker(40000).model(40002, 203, 105);
    device.end(next);
  }
  const auto chain = found(device);
  REQUIRE(chain);
  CHECK(chain->base == 50000);
  CHECK(ids(*chain) == std::vector<unsigned>{1, 203});
}

TEST_CASE("a chain without model 1 is no device") {
  Registers device;
  device.end(device.marker(40000).model(40002, 203, 105));
  CHECK_FALSE(found(device));
}

TEST_CASE("model 1 without its pad") {
  Registers device;
  unsigned next = device.marker(40000).common(40002, "Old", "M", "1", 65);
  CHECK(next == 40069);
  device.end(device.model(next, 201, 105));
  const auto chain = found(device);
  REQUIRE(chain);
  CHECK(chain->models.back() == SunSpecModel{201, 40069, 105});
  CHECK(chain->serial == "1");
}

TEST_CASE("a model 1 that is too short for its texts is passed over") {
  Registers device;
  unsigned next = device.marker(40000).model(40002, 1, 60, 0x4141);
  device.end(device.model(next, 203, 105));
  const auto chain = found(device);
  REQUIRE(chain);
  CHECK(chain->manufacturer.empty());
  CHECK(chain->models.back() == SunSpecModel{203, 40064, 105});
}

TEST_CASE("texts that are refused leave the device nameless") {
  SunSpecLine line(good_chain(40000));
  line.faults.emplace(40004, exception_of(3));
  const auto device = found(line);
  REQUIRE(device);
  CHECK(device->manufacturer.empty());
  CHECK(ids(*device) == std::vector<unsigned>{1, 203});
}

TEST_CASE("padding of texts") {
  Registers device = good_chain(40000);
  device.text(40004, 16, "  Spaced  ", ' ').text(40020, 16, "Ones", '\xFF');
  device.text(40036, 8, std::string("Cut\0rest", 8)).fill(40044, 8, 0xFFFF).fill(40052, 16, 0);
  const auto chain = found(device);
  REQUIRE(chain);
  CHECK(chain->manufacturer == "Spaced");
  CHECK(chain->model == "Ones");
  CHECK(chain->options == "Cut");
  CHECK(chain->version.empty());
  CHECK(chain->serial.empty());
}

TEST_CASE("what is no ASCII is not passed on") {
  Registers device = good_chain(40000);
  device.text(40004, 16, "Z\xE4hler\n1");
  CHECK(found(device)->manufacturer == "Zhler1");
}

TEST_CASE("how chains end without an end") {
  Registers device;
  unsigned next = device.marker(40000).common(40002, "Maker", "M", "1");
  next = device.model(next, 203, 105);
  SunSpecLine line(device);
  SUBCASE("a refusal") {}
  SUBCASE("a single zero, then a refusal") { line = SunSpecLine(device.put(next, {0})); }
  SUBCASE("two zeros") { line = SunSpecLine(device.put(next, {0, 0})); }
  SUBCASE("a zero and something") { line = SunSpecLine(device.put(next, {0, 17})); }
  SUBCASE("an end without a length") { line = SunSpecLine(device.put(next, {0xFFFF, 0xFFFF})); }
  SUBCASE("silence") { line.faults.emplace(next, silence); }
  SUBCASE("a gateway tells of silence") { line.faults.emplace(next, exception_of(11)); }
  const auto chain = found(line);
  REQUIRE(chain);
  CHECK(ids(*chain) == std::vector<unsigned>{1, 203});
  CHECK(line.requests.back().address == next);
}

TEST_CASE("the walk steps on by the device's own lengths") {
  Registers device;
  unsigned next = device.marker(40000).common(40002, "Maker", "M", "1");
  next = device.model(next, 203, 40);   // too short to be one
  next = device.model(next, 714, 43);   // of no interest
  next = device.model(next, 213, 130);  // longer than its definition
  device.end(next);
  const auto chain = found(device);
  REQUIRE(chain);
  CHECK(ids(*chain) == std::vector<unsigned>{1, 203, 714, 213});
  CHECK_FALSE(chain->models[1].is_meter());
  CHECK_FALSE(chain->models[2].is_meter());
  CHECK(chain->models[3].is_meter());
  CHECK(sunspec_profile(*chain, 1)->registers.front().address == chain->models[3].address + 68);
  CHECK_FALSE(sunspec_profile(*chain, 2));
}

TEST_CASE("which models are meters") {
  for (const std::uint16_t id : std::vector<std::uint16_t>{201, 202, 203, 204}) {
    CHECK(SunSpecModel{id, 40070, 105}.is_meter());
    CHECK_FALSE(SunSpecModel{id, 40070, 104}.is_meter());
  }
  for (const std::uint16_t id : std::vector<std::uint16_t>{211, 212, 213, 214}) {
    CHECK(SunSpecModel{id, 40070, 124}.is_meter());
    CHECK_FALSE(SunSpecModel{id, 40070, 123}.is_meter());
  }
  for (const std::uint16_t id : std::vector<std::uint16_t>{0, 1, 103, 200, 205, 210, 215, 65535})
    CHECK_FALSE(SunSpecModel{id, 40070, 200}.is_meter());
  CHECK(SunSpecModel{203, 65536 - 107, 105}.is_meter());
  CHECK_FALSE(SunSpecModel{203, 65536 - 106, 105}.is_meter());  // ends beyond the last register
}

TEST_CASE("no chain is longer than 64 models") {
  Registers device;
  unsigned next = device.marker(40000).common(40002, "Maker", "M", "1");
  for (int i = 0; i < 100; ++i) next = device.model(next, 500, 0);
  SunSpecLine line(device);
  const auto chain = found(line);
  REQUIRE(chain);
  CHECK(chain->models.size() == 64);
  CHECK(line.requests.size() == 1 + 64 + 1);
}

TEST_CASE("lengths that lead out of the address space end the chain") {
  for (const int length : {65535, 25536, 25464}) {
    Registers device;
    const unsigned next = device.marker(40000).common(40002, "Maker", "M", "1");
    device.put(next, {203, length});
    SunSpecLine line(device);
    const auto chain = found(line);
    REQUIRE(chain);
    CHECK(ids(*chain) == std::vector<unsigned>{1, 203});
    CHECK(line.requests.back().address == next);
  }
  // The last header that there can be.
  Registers device;
  const unsigned next = device.marker(40000).common(40002, "Maker", "M", "1");
  device.put(next, {500, 65533 - 40072}).put(65533, {501, 0});
  CHECK(ids(*found(device)) == std::vector<unsigned>{1, 500, 501});
}

TEST_CASE("several meters in one chain, each with its own model 1 or not") {
  Registers device;
  unsigned next = device.marker(40000).common(40002, "Sun", "Inverter", "INV");
  next = device.model(next, 103, 50);
  next = device.model(device.common(next, "WattNode", "Grid", "W1", 65), 203, 105);
  next = device.model(next, 203, 105);
  next = device.model(device.common(next, "Other", "Load", "W2"), 211, 124);
  device.end(next);
  const auto chain = found(device);
  REQUIRE(chain);
  CHECK(ids(*chain) == std::vector<unsigned>{1, 103, 1, 203, 203, 1, 211});
  CHECK(chain->serial == "INV");
  CHECK(sunspec_common(*chain, 1)->serial == "W1");
  CHECK(sunspec_common(*chain, 2)->serial == "W1");
  CHECK(sunspec_common(*chain, 3)->serial == "W2");
  CHECK_FALSE(sunspec_common(*chain, 4));
  CHECK_FALSE(sunspec_common(*chain, 0));
  CHECK(sunspec_profile(*chain, 3)->vendor == "Other");
  CHECK(sunspec_profile(*chain, 3)->model == "Load");
  const auto energy = [&](std::size_t number) {
    return sunspec_profile(*chain, number)->registers.front().address;
  };
  CHECK(energy(1) == chain->models[3].address + 46);
  CHECK(energy(2) == chain->models[4].address + 46);
  CHECK(energy(3) == chain->models[6].address + 68);
}

TEST_CASE("a device that never answers costs one timeout") {
  for (const Fault& fault : {silence, exception_of(11), exception_of(10)}) {
    SunSpecLine line(Registers{});
    line.otherwise = fault;
    const auto result = line.discover();
    REQUIRE_FALSE(result);
    CHECK(result.error().fault_class == fault.fault_class);
    CHECK(line.requests.size() == 1);
  }
}

TEST_CASE("one that has refused may be silent about other bases") {
  SunSpecLine line(good_chain(0));
  line.faults.emplace(40000, exception_of(2));
  line.faults.emplace(50000, silence);
  CHECK(found(line)->base == 0);
}

TEST_CASE("silence where something was just told of is a fault, no verdict") {
  SunSpecLine line(good_chain(40000));
  SUBCASE("the first header") { line.faults.emplace(40002, silence); }
  SUBCASE("the texts") { line.faults.emplace(40004, silence); }
  const auto result = line.discover();
  REQUIRE_FALSE(result);
  CHECK(result.error().fault_class == FaultClass::timeout);
}

TEST_CASE("busy, broken and garbled links are faults wherever they occur") {
  const std::vector<Fault> faults = {exception_of(5),
                                     exception_of(6),
                                     {FaultClass::crc, "checksum", 0},
                                     {FaultClass::protocol, "framing", 0},
                                     {FaultClass::connection, "reset", 0}};
  for (const Fault& fault : faults) {
    for (const unsigned address : {40000U, 40002U, 40004U, 40070U, 40177U}) {
      SunSpecLine line(good_chain(40000));
      line.faults.emplace(address, fault);
      const auto result = line.discover();
      REQUIRE_FALSE(result);
      CHECK(result.error().fault_class == fault.fault_class);
      CHECK(line.requests.back().address == address);
    }
  }
}
