#include "drivers/accelerators/fleet.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "drivers/accelerators/nvidia/vendor.h"
#include "fake_intake.h"
#include "hopper_table.h"

namespace flopwatt::accelerators {
namespace {

Hello hello(std::initializer_list<std::pair<const char*, const char*>> devices) {
  Hello hello{.driver = "570", .devices = {}};
  for (const auto& [pci, uuid] : devices) {
    DeviceIdentity& identity = hello.devices.emplace_back();
    identity.pci = pci;
    identity.uuid = uuid;
    identity.figures = {
        {"power_mw", {.channel = {.quantity = Quantity::power}, .wire = Wire::u32, .scale = 0.001}}};
  }
  return hello;
}

struct FleetBench {
  void polled(std::size_t device, DeviceResult result) {
    fleet.begin_poll();
    fleet.answer({device, std::move(result)}, beat, intake);
    fleet.fail_the_rest({FaultClass::device, "not listed", 0}, beat, intake);
  }

  std::vector<NameOverride> names = {};
  FakeIntake intake{};
  Beat beat{std::chrono::steady_clock::now(), std::chrono::steady_clock::now()};
  std::map<std::string, unsigned> numbers = {};  // as the agent keeps them
  IntegratedEnergies energies = {};
  const Vendor vendor = nvidia::vendor();
  Fleet fleet{vendor,
              {.interval = std::chrono::seconds(1)},
              names,
              hopper_table(),
              [this](const std::string& pci) {
                return numbers.try_emplace(pci, static_cast<unsigned>(numbers.size())).first->second;
              },
              energies};
};

DeviceReading one_reading() {
  DeviceReading reading;
  reading.time = {1, 1};
  reading.numbers = {1};
  return reading;
}

}  // namespace

TEST_CASE("names count up in the order of the hello, and stay with the PCI address") {
  FleetBench bench;
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-a"}, {"0000:c1:00.0", "GPU-b"}}), bench.intake);
  REQUIRE(bench.intake.sources.size() == 2);
  CHECK(bench.intake.sources[0]->name == "nvidia0");
  CHECK(bench.intake.sources[1]->name == "nvidia1");

  // The first card is lost, a third appears before both: nobody's name moves.
  bench.fleet.bind(hello({{"0000:01:00.0", "GPU-c"}, {"0000:c1:00.0", "GPU-b"}}), bench.intake);
  REQUIRE(bench.intake.sources.size() == 3);
  CHECK(bench.intake.sources[2]->name == "nvidia2");
  CHECK(bench.intake.sources[2]->identity.uuid == "GPU-c");
  bench.polled(1, one_reading());  // index 1 of the new hello is nvidia1
  CHECK(bench.intake.newest(1)->set);
  CHECK(bench.intake.newest(0)->fault);
  CHECK(bench.intake.newest(2)->fault);
}

TEST_CASE("devices seen for the first time are numbered by their addresses, whatever the library's order") {
  FleetBench bench;
  bench.fleet.bind(hello({{"0000:c1:00.0", "GPU-b"}, {"0000:41:00.0", "GPU-a"}}), bench.intake);
  CHECK(bench.intake.sources[0]->name == "nvidia1");
  CHECK(bench.intake.sources[1]->name == "nvidia0");
}

TEST_CASE("numbers known from an earlier run hold, also while their card is away") {
  FleetBench bench{.numbers = {{"0000:41:00.0", 0}, {"0000:c1:00.0", 1}}};
  bench.fleet.bind(hello({{"0000:c1:00.0", "GPU-b"}, {"0000:d1:00.0", "GPU-new"}}), bench.intake);
  CHECK(bench.intake.sources[0]->name == "nvidia1");
  CHECK(bench.intake.sources[1]->name == "nvidia2");
}

TEST_CASE("removed sources are removed from the intake") {
  FleetBench bench;
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-a"}, {"0000:c1:00.0", "GPU-b"}}), bench.intake);
  bench.fleet.remove_sources(bench.intake);
  CHECK(bench.intake.removed == std::vector<SourceId>{0, 1});
}

TEST_CASE("a configured name goes by the address, whatever its width and case, and takes up its number") {
  FleetBench bench{.names = {{"00000000:C1:00.0", "gpu-b"}}};
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-a"}, {"0000:c1:00.0", "GPU-b"}, {"0000:d1:00.0", "GPU-c"}}),
                   bench.intake);
  CHECK(bench.intake.sources[0]->name == "nvidia0");
  CHECK(bench.intake.sources[1]->name == "gpu-b");
  CHECK(bench.intake.sources[2]->name == "nvidia2");
}

TEST_CASE("a replaced card keeps the name and brings its uuid") {
  FleetBench bench;
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-a"}}), bench.intake);
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-new"}}), bench.intake);
  REQUIRE(bench.intake.sources.size() == 1);
  CHECK(bench.intake.sources[0]->name == "nvidia0");
  CHECK(bench.intake.sources[0]->identity.uuid == "GPU-new");
  bench.polled(0, one_reading());
  CHECK(bench.intake.newest(0)->set->source == bench.intake.sources[0]);
}

TEST_CASE("the same hello again describes nothing anew") {
  FleetBench bench;
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-a"}}), bench.intake);
  const SourcePtr before = bench.intake.sources[0];
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-a"}}), bench.intake);
  CHECK(bench.intake.sources[0] == before);
}

TEST_CASE("a failed device fails with its own code, each source once a poll") {
  FleetBench bench;
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-a"}, {"0000:c1:00.0", "GPU-b"}}), bench.intake);
  bench.polled(0, DeviceFailure{15, "GPU_IS_LOST (15)"});
  REQUIRE(bench.intake.answers.size() == 2);
  const Fault fault = *bench.intake.newest(0)->fault;
  CHECK(fault.fault_class == FaultClass::device);
  CHECK(fault.code == 15);
  CHECK(fault.message == "GPU_IS_LOST (15)");
  CHECK(bench.intake.newest(1)->fault->message == "not listed");
}

TEST_CASE("names of addresses that were not seen are taken; another name of one that was seen is refused") {
  FleetBench bench;
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-a"}}), bench.intake);
  CHECK(bench.fleet.take_names({{"0000:c1:00.0", "gpu-b"}}));
  CHECK_FALSE(bench.fleet.take_names({{"0000:41:00.0", "gpu-a"}, {"0000:c1:00.0", "gpu-c"}}));
  bench.fleet.bind(hello({{"0000:41:00.0", "GPU-a"}, {"0000:c1:00.0", "GPU-b"}}), bench.intake);
  CHECK(bench.intake.sources[1]->name == "gpu-b");
  CHECK_FALSE(bench.fleet.take_names({}));
}

}  // namespace flopwatt::accelerators
