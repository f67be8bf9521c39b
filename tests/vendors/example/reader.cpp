#include "tests/vendors/example/reader.h"

#include <dlfcn.h>

#include <optional>
#include <utility>
#include <vector>

#include "readings/pci_address.h"
#include "runtime/clock.h"
#include "tests/vendors/example/example_abi.h"

namespace flopwatt::example {
namespace {

using accelerators::Activity;
using accelerators::DeviceFailure;
using accelerators::DeviceIdentity;
using accelerators::DeviceReading;
using accelerators::Figure;
using accelerators::Unavailable;

struct Functions {
  decltype(&example_open) open = nullptr;
  decltype(&example_count) count = nullptr;
  decltype(&example_describe) describe = nullptr;
  decltype(&example_read) read = nullptr;
};

DeviceIdentity identity_of(const example_device_t& device) {
  const auto figure = [](const char* key, Quantity quantity, Wire wire, double scale) {
    return Figure{key, {.channel = {.quantity = quantity}, .wire = wire, .scale = scale}};
  };
  DeviceIdentity identity;
  identity.pci = normal_pci(device.address).value_or(device.address);
  identity.uuid = std::string("EXAMPLE-") + device.serial;
  identity.name = device.name;
  identity.serial = device.serial;
  identity.architecture = "e1";
  identity.cores = device.units;
  identity.energy_source = EnergySource::counter;
  identity.figures = {figure("power_uw", Quantity::power, Wire::u64, 1e-6),
                      figure("energy_steps", Quantity::energy, Wire::u64, 1.0 / 65536),
                      figure("utilization_percent", Quantity::utilization, Wire::u8, 0.01)};
  identity.activity = {Place::fp16_pipe};
  return identity;
}

class Reader final : public accelerators::DeviceReader {
 public:
  Reader(Functions library, std::vector<DeviceIdentity> devices)
      : library_(library), devices_(std::move(devices)), before_(devices_.size()) {}

  [[nodiscard]] std::size_t size() const override { return devices_.size(); }
  [[nodiscard]] const DeviceIdentity& identity(std::size_t index) const override { return devices_[index]; }
  [[nodiscard]] const std::string& driver_version() const override { return version_; }
  [[nodiscard]] bool look_again() override { return false; }
  [[nodiscard]] bool broken() const override { return false; }

  [[nodiscard]] accelerators::DeviceResult read(std::size_t index) override {
    example_state_t state{};
    const Moment begun = now();
    if (const int code = library_.read(static_cast<unsigned>(index), &state); code != 0)
      return DeviceFailure{code, "reading " + devices_[index].pci + " failed"};
    DeviceReading reading;
    reading.time = midpoint(begun, now());
    reading.numbers = {static_cast<double>(state.power_uw), static_cast<double>(state.energy),
                       static_cast<double>(state.busy)};
    reading.activity_sampled = true;
    const Sample sample{state, reading.time};
    if (const auto before = std::exchange(before_[index], sample))
      reading.activity = activity(*before, sample);
    return reading;
  }

 private:
  struct Sample {
    example_state_t state;
    Moment time;
  };

  static std::optional<Activity> activity(const Sample& from, const Sample& to) {
    const double ticks = to.state.ticks - from.state.ticks;
    if (!(ticks > 0)) return std::nullopt;
    Activity activity;
    activity.ratios = {(to.state.matrix_ticks - from.state.matrix_ticks) / ticks};
    activity.seconds = static_cast<double>(to.time.monotonic_us - from.time.monotonic_us) * 1e-6;
    activity.clock_begin_hz = activity.clock_end_hz = ticks / activity.seconds;
    return activity;
  }

  Functions library_;
  std::vector<DeviceIdentity> devices_;
  std::vector<std::optional<Sample>> before_;
  std::string version_ = "1.0";
};

}  // namespace

Result<std::unique_ptr<accelerators::DeviceReader>, Unavailable> make_reader(const std::string& library) {
  void* const handle = ::dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL);  // for the life of the guest
  if (handle == nullptr) return Unavailable{.no_library = true, .text = ::dlerror()};
  Functions functions;
  const auto bind = [handle](auto& function, const char* symbol) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(handle, symbol));
    return function != nullptr;
  };
  if (!bind(functions.open, "example_open") || !bind(functions.count, "example_count") ||
      !bind(functions.describe, "example_describe") || !bind(functions.read, "example_read"))
    return Unavailable{.no_library = true, .text = library + " is not the example's"};
  unsigned count = 0;
  if (functions.open() != 0 || functions.count(&count) != 0)
    return Unavailable{.text = library + " cannot be opened"};
  std::vector<DeviceIdentity> devices;
  for (unsigned index = 0; index < count; ++index)
    if (example_device_t device{}; functions.describe(index, &device) == 0)
      devices.push_back(identity_of(device));
  return std::unique_ptr<accelerators::DeviceReader>(std::make_unique<Reader>(functions, std::move(devices)));
}

}  // namespace flopwatt::example
