#include "drivers/accelerators/driver.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "drivers/accelerators/nvidia/vendor.h"
#include "fake_intake.h"
#include "hopper_table.h"
#include "nvidia/fake_library.h"
#include "runtime/async.h"
#include "runtime/schedule.h"

namespace flopwatt::accelerators {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// The driver with a real guest process over the stand-in library.
class DriverBench {
 public:
  explicit DriverBench(const std::string& text, const std::string& library = FAKE_NVML,
                       const std::string& guest = FAKE_NVML_GUEST) {
    script.says(text);
    settings_of_nvidia.interval = 200ms;
    settings_of_nvidia.library = library;
    settings_of_nvidia.required = true;
    DriverSettings settings;
    settings.guest.name = "guest of NVIDIA's library";
    settings.guest.program = guest;
    settings.guest.first_pause = 10ms;
    settings.guest.last_pause = 100ms;
    settings.poll_deadline = 500ms;
    settings.search_period = 50ms;
    driver_ = make_driver(
        vendor_, config, table,
        [this](const std::string& pci) {
          return numbers_.try_emplace(pci, static_cast<unsigned>(numbers_.size())).first->second;
        },
        std::move(settings));
    asio::co_spawn(io_, driver_->run(intake),
                   asio::bind_cancellation_slot(stop_.slot(), [this](std::exception_ptr) { ended_ = true; }));
  }
  ~DriverBench() {
    stop_.emit(asio::cancellation_type::terminal);
    CHECK(run_until([this] { return ended_; }, 1s));  // what Driver promises
  }
  DriverBench(const DriverBench&) = delete;
  DriverBench& operator=(const DriverBench&) = delete;

  /// Runs the loop until `happened` or the limit.
  bool run_until(const std::function<bool()>& happened, std::chrono::steady_clock::duration limit = 10s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!happened() && std::chrono::steady_clock::now() < end) io_.run_one_until(end);
    return happened();
  }
  bool reads(SourceId id) {
    intake.answers.clear();
    return run_until([&] { return intake.newest(id) != nullptr && intake.newest(id)->set; });
  }
  bool fails(SourceId id, FaultClass fault_class) {
    intake.answers.clear();
    return run_until([&] {
      const auto* const answer = intake.newest(id);
      return answer != nullptr && answer->fault && answer->fault->fault_class == fault_class;
    });
  }
  double newest(SourceId id, Quantity quantity) {
    const auto* const answer = intake.newest(id);
    REQUIRE(answer != nullptr);
    REQUIRE(answer->set);
    return answer->set->values.at(*answer->set->source->index_of({.quantity = quantity}));
  }

  [[nodiscard]] Inventory inventory() const { return driver_->inventory(); }
  void apply() { driver_->apply(config, table); }

  nvidia::FakeScript script;
  FakeIntake intake;
  Config config;
  AcceleratorConfig& settings_of_nvidia = config.accelerators["nvidia"];
  const AcceleratorTable table{{"nvidia", hopper_table()}};

 private:
  const Vendor vendor_ = nvidia::vendor();
  std::map<std::string, unsigned> numbers_;
  asio::io_context io_{1};
  asio::cancellation_signal stop_;
  std::unique_ptr<AcceleratorDriver> driver_;
  bool ended_ = false;
};

}  // namespace

TEST_CASE("devices become sources, and their readings sets") {
  DriverBench bench("devices 2\n0.metric.7 50\n1.energy 777000");
  REQUIRE(bench.reads(0));
  REQUIRE(bench.intake.sources.size() == 2);
  CHECK(bench.intake.sources[0]->name == "nvidia0");
  CHECK(bench.intake.sources[1]->identity.uuid == "GPU-1");
  CHECK(bench.newest(0, Quantity::power) == doctest::Approx(412.345));
  CHECK(bench.newest(0, Quantity::pipe_work) == 0.0);
  REQUIRE(bench.reads(1));
  CHECK(bench.newest(1, Quantity::energy) == doctest::Approx(777.0));
  REQUIRE(bench.reads(0));
  // 200 ms at half of 1070.53 TFLOP/s, less or more by the jitter of this machine
  CHECK(bench.newest(0, Quantity::pipe_work) > 0.1 * 535.265e12);
  CHECK(bench.newest(0, Quantity::pipe_work) < 5.0 * 535.265e12);
}

TEST_CASE("polls move, and each of them has work") {
  DriverBench bench("0.metric.7 50");
  REQUIRE(bench.reads(0));
  REQUIRE(bench.run_until([&] { return bench.intake.answers.size() == 21; }));
  int known = 0;
  std::set<std::int64_t> fifths;
  for (const auto& answer : bench.intake.answers) {
    REQUIRE(answer.set);
    known += is_known(answer.set->values.at(*answer.set->source->index_of({.quantity = Quantity::pipe_work})))
                 ? 1
                 : 0;
    const SteadyTime read(std::chrono::microseconds(answer.set->time.monotonic_us));
    fifths.insert((read - SteadyTime{}) % 200ms / 40ms);
  }
  CHECK(known >= 17);  // a machine that is late may lose some
  CHECK(fifths.size() == 5);
  CHECK(bench.intake.skipped == 0);
}

TEST_CASE("a lost device fails by itself and returns, its count of work broken once") {
  DriverBench bench("devices 2\n0.metric.7 50");
  REQUIRE(bench.reads(0));
  bench.script.says("devices 2\n0.all 15\n0.metric.7 50");
  REQUIRE(bench.fails(0, FaultClass::device));
  CHECK(bench.intake.newest(0)->fault->code == 15);
  CHECK(bench.reads(1));
  bench.script.says("devices 2\n0.metric.7 50");
  REQUIRE(bench.reads(0));
  CHECK_FALSE(is_known(bench.newest(0, Quantity::pipe_work)));
  REQUIRE(bench.reads(0));
  CHECK(bench.newest(0, Quantity::pipe_work) > 0.0);
}

TEST_CASE("a library that hangs is a timeout; the guest is killed and its sources return") {
  DriverBench bench("");
  REQUIRE(bench.reads(0));
  bench.script.says("hang nvmlDeviceGetFieldValues");
  REQUIRE(bench.fails(0, FaultClass::timeout));
  bench.script.says("");
  REQUIRE(bench.reads(0));
  CHECK_FALSE(is_known(bench.newest(0, Quantity::pipe_work)));
  CHECK(bench.intake.sources.size() == 1);
}

TEST_CASE("a library that crashes is a device fault that names the signal; its sources return") {
  DriverBench bench("");
  REQUIRE(bench.reads(0));
  bench.script.says("crash nvmlDeviceGetMemoryInfo");
  REQUIRE(bench.fails(0, FaultClass::device));
  CHECK(bench.intake.newest(0)->fault->message.find("signal 6 (Aborted)") != std::string::npos);
  bench.script.says("");
  CHECK(bench.reads(0));
  CHECK(bench.intake.sources.size() == 1);
}

TEST_CASE("while the library cannot be initialised, known sources fail with its reason") {
  DriverBench bench("");
  REQUIRE(bench.reads(0));
  bench.script.says("nvmlInit_v2 9\ncrash nvmlDeviceGetFieldValues");
  CHECK(bench.run_until([&] {
    const auto* const answer = bench.intake.newest(0);
    return answer->fault && answer->fault->code == 9;
  }));
  CHECK(bench.intake.newest(0)->fault->message.find("DRIVER_NOT_LOADED (9)") != std::string::npos);
  bench.script.says("");
  CHECK(bench.reads(0));
}

TEST_CASE("a driver that is unloaded under way makes the guest start again") {
  DriverBench bench("");
  REQUIRE(bench.reads(0));
  bench.script.says("0.all 18");
  REQUIRE(bench.fails(0, FaultClass::device));
  CHECK(bench.intake.newest(0)->fault->code == 18);
  bench.script.says("");
  CHECK(bench.reads(0));
}

TEST_CASE("a device known before and not listed any more fails") {
  DriverBench bench("devices 2");
  REQUIRE(bench.reads(1));
  bench.script.says("devices 1\ncrash nvmlShutdown\n0.all 18");  // the guest ends and is started again
  REQUIRE(bench.fails(0, FaultClass::device));
  bench.script.says("devices 1");
  REQUIRE(bench.reads(0));
  CHECK(bench.run_until([&] {
    const auto* const answer = bench.intake.newest(1);
    return answer->fault && answer->fault->message.find("does not list") != std::string::npos;
  }));
}

TEST_CASE("without the library there are no sources") {
  DriverBench bench("", "libno-such-vendor.so.1");
  CHECK_FALSE(
      bench.run_until([&] { return !bench.intake.sources.empty() || !bench.intake.answers.empty(); }, 500ms));
}

TEST_CASE("at `auto` a vendor without its library costs no process; one that comes later is found") {
  const fs::path folder = fs::temp_directory_path() / ("flopwatt-auto-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const fs::path library = folder / "libvendor.so", guest = folder / "guest", started = folder / "started";
  std::ofstream(guest) << "#!/bin/sh\n: > " << started.string() << "\nexec " << FAKE_NVML_GUEST
                       << " \"$@\"\n";
  fs::permissions(guest, fs::perms::owner_all);
  {
    DriverBench bench("", library, guest);
    bench.settings_of_nvidia.required = false;
    bench.apply();
    REQUIRE(bench.run_until([&] { return bench.inventory().complete; }));
    CHECK_FALSE(bench.run_until([&] { return fs::exists(started); }, 300ms));
    CHECK(bench.inventory().trouble.empty());
    fs::copy(FAKE_NVML, library);
    CHECK(bench.reads(0));
    CHECK(fs::exists(started));
  }
  fs::remove_all(folder);
}

TEST_CASE("`off` has no sources; switched on and off again they come and go under their names") {
  DriverBench bench("devices 2");
  REQUIRE(bench.reads(1));
  bench.settings_of_nvidia.enabled = false;
  bench.apply();
  CHECK(bench.run_until([&] { return bench.intake.removed == std::vector<SourceId>{0, 1}; }));
  bench.settings_of_nvidia.enabled = true;
  bench.apply();
  REQUIRE(bench.reads(3));
  CHECK(bench.intake.sources[3]->name == "nvidia1");
}

TEST_CASE("a configuration that changes nothing leaves the guest and the sources alone") {
  DriverBench bench("");
  REQUIRE(bench.reads(0));
  bench.script.says("crash nvmlInit_v2");  // a guest that is started now ends
  bench.apply();
  REQUIRE(bench.reads(0));
  REQUIRE(bench.reads(0));
  CHECK(bench.intake.removed.empty());
  CHECK(bench.intake.sources.size() == 1);
}

TEST_CASE("integrated energy goes on where the configuration changes") {
  DriverBench bench("0.field.83 3\n0.nvmlDeviceGetTotalEnergyConsumption 3");
  REQUIRE(bench.reads(0));
  REQUIRE(bench.reads(0));
  const double before = bench.newest(0, Quantity::energy);
  CHECK(before > 0);
  bench.settings_of_nvidia.interval = 300ms;
  bench.apply();
  REQUIRE(bench.reads(1));
  CHECK(bench.intake.sources[1]->interval == 300ms);
  CHECK(bench.newest(1, Quantity::energy) > before);
}

TEST_CASE("names and intervals that change are taken up") {
  DriverBench bench("");
  REQUIRE(bench.reads(0));
  bench.settings_of_nvidia.interval = 300ms;
  bench.config.accelerator_names = {{bench.intake.sources[0]->identity.pci, "gpu-a"}};
  bench.apply();
  REQUIRE(bench.reads(1));
  CHECK(bench.intake.sources[1]->name == "gpu-a");
  CHECK(bench.intake.sources[1]->interval == 300ms);
  CHECK(bench.intake.removed == std::vector<SourceId>{0});
}

TEST_CASE("a name of an address that these accelerators do not have leaves the guest alone") {
  DriverBench bench("");
  REQUIRE(bench.reads(0));
  bench.script.says("crash nvmlInit_v2");  // a guest that is started now ends
  bench.config.accelerator_names = {{"0000:ff:00.0", "gpu-a"}};
  bench.apply();
  REQUIRE(bench.reads(0));
  REQUIRE(bench.reads(0));
  CHECK(bench.intake.removed.empty());
}

TEST_CASE("as many devices as a guest finds come in one hello") {
  DriverBench bench("devices 128");
  CHECK(bench.run_until([&] { return bench.intake.sources.size() == 128; }, 60s));
}

TEST_CASE("a service of before an upgrade is to be restarted") {
  const fs::path folder = fs::temp_directory_path() / ("flopwatt-old-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const fs::path guest = folder / "guest";
  std::ofstream(guest) << "#!/bin/sh\nprintf '%s' '"
                       << R"({"message":"hello","devices":[{"pci":"0000:41:00.0","has_pipes":true}]})"
                       << "' >&3\nexec cat <&3\n";
  fs::permissions(guest, fs::perms::owner_all);
  {
    DriverBench bench("", FAKE_NVML, guest);
    CHECK(bench.run_until(
        [&] { return bench.inventory().trouble.find("restart flopwatt-smi@nvidia") != std::string::npos; }));
    CHECK(bench.intake.sources.empty());
  }
  fs::remove_all(folder);
}

}  // namespace flopwatt::accelerators
