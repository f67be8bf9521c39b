#include "drivers/accelerators/nvidia/device_reader.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "drivers/accelerators/nvidia/device_calls.h"
#include "drivers/accelerators/nvidia/pipes.h"
#include "drivers/accelerators/nvidia/power_sensor.h"
#include "readings/pci_address.h"
#include "runtime/clock.h"

namespace flopwatt::nvidia {
namespace {

using namespace std::chrono_literals;
using abi::Return;
using accelerators::DeviceReading;

constexpr Backoff::Policy look_policy{1s, 15s};
constexpr auto settled = 60s;  // without a loss: the next one is a new trouble
constexpr unsigned max_devices = 128;
/// Older than this, or from the future, the library's time stamp is not of this clock.
constexpr std::int64_t max_stamp_age_us = 2'000'000;

template <std::size_t Size, class Function>
std::string text_by(const Function& function, abi::Device device) {
  std::array<char, Size> text{};
  if (function(device, text.data(), static_cast<unsigned>(text.size())) != Return::success) return {};
  text.back() = '\0';
  return text.data();
}

/// The reading's time: the library's stamp, brought to both clocks, where it is of this clock and newer than
/// the last; else the midpoint of the calls.
void set_time(DeviceReading& reading, Moment begun, Moment ended, std::int64_t stamp_us,
              std::int64_t& last_stamp_us) {
  reading.half_duration_us = (ended.monotonic_us - begun.monotonic_us + 1) / 2;
  const std::int64_t age_us = ended.wall_us - stamp_us;
  if (stamp_us > last_stamp_us && age_us >= 0 && age_us <= max_stamp_age_us) {
    reading.time = {stamp_us, ended.monotonic_us - age_us};
    last_stamp_us = stamp_us;
  } else {
    reading.time = midpoint(begun, ended);
  }
}

}  // namespace

DeviceReader::DeviceReader(std::shared_ptr<const NvmlFunctions> functions)
    : library_(std::move(functions)),
      functions_(*library_),
      gpm_request_(std::make_unique<abi::GpmMetricsGet>()),
      back_off_(look_policy) {
  std::array<char, abi::version_size> version{};
  if (functions_.system_get_driver_version(version.data(), abi::version_size) == Return::success) {
    version.back() = '\0';
    driver_version_ = version.data();
  }
}

Result<Done> DeviceReader::find_devices() {
  const auto found = enumerate();
  if (!found) return found.error();
  return Done{};
}

bool DeviceReader::look_again() {
  if (!look_at_ || Clock::now() < *look_at_) return false;
  const auto changed = enumerate();
  if (!changed) plan_look();
  return changed && *changed;
}

Result<bool> DeviceReader::enumerate() {
  unsigned count = 0;
  const Return counted = functions_.device_get_count(&count);
  broken_ = broken_ || is_broken(counted);
  if (counted != Return::success)
    return Fault{FaultClass::device, "nvmlDeviceGetCount_v2: " + text_of(counted), static_cast<int>(counted)};
  std::vector<DeviceIdentity> before;
  for (const Device& device : devices_) before.push_back(device.identity);
  const std::size_t known = devices_.size();
  for (unsigned index = 0; index < std::min(count, max_devices); ++index) {
    abi::Device handle = nullptr;
    if (functions_.device_get_handle_by_index(index, &handle) == Return::success) take_in(handle);
  }
  std::sort(devices_.begin() + static_cast<std::ptrdiff_t>(known), devices_.end(),
            [](const Device& a, const Device& b) { return a.identity.pci < b.identity.pci; });
  probe_pipes();
  const auto up =
      std::ranges::count_if(devices_, [](const Device& device) { return device.handle != nullptr; });
  const auto all = std::max<std::size_t>(std::min(count, max_devices), devices_.size());
  look_at_.reset();
  if (all == 0 || static_cast<std::size_t>(up) < all) plan_look();
  return !std::ranges::equal(devices_, before, {}, &Device::identity);
}

void DeviceReader::take_in(abi::Device handle) {
  abi::PciInfo info{};
  if (functions_.device_get_pci_info(handle, &info) != Return::success) return;
  info.bus_id[sizeof info.bus_id - 1] = '\0';
  const std::string pci = normal_pci(info.bus_id).value_or(info.bus_id);
  auto device =
      std::ranges::find_if(devices_, [&](const Device& known) { return known.identity.pci == pci; });
  if (device != devices_.end() && device->handle != nullptr) return;
  DeviceIdentity identity = identify(handle, pci);
  if (identity.uuid.empty())
    return;  // every device has one: this one is lost, though its address is remembered
  if (device == devices_.end()) device = devices_.emplace(devices_.end());
  device->handle = handle;
  const bool same_card = identity.uuid == device->identity.uuid;
  if (!same_card) device->identity = std::move(identity);
  device->probe_pipes = !same_card || device->identity.activity.empty();
  if (device->probe_pipes) return;
  // A card that has shown its pipes before and is back: one bad moment must not take them away for good.
  if (auto sampler = GpmSampler::make(functions_, handle)) device->gpm = std::move(*sampler);
}

accelerators::DeviceIdentity DeviceReader::identify(abi::Device handle, std::string pci) const {
  DeviceIdentity identity;
  identity.pci = std::move(pci);
  identity.uuid = text_by<abi::uuid_size>(functions_.device_get_uuid, handle);
  identity.name = text_by<abi::name_size>(functions_.device_get_name, handle);
  identity.serial = text_by<abi::serial_size>(functions_.device_get_serial, handle);
  int major = 0, minor = 0;
  functions_.device_get_cuda_compute_capability(handle, &major, &minor);
  identity.architecture = std::to_string(major) + "." + std::to_string(minor);
  functions_.device_get_num_gpu_cores(handle, &identity.cores);
  DeviceCalls first(functions_, handle);
  first.read_energy_and_power();
  if (first.has_energy_counter())
    identity.energy_source = EnergySource::counter;
  else if (first.has_power())
    identity.energy_source = EnergySource::integrated;
  identity.figures = figures(first.has_energy_counter());
  identity.sensor = power_sensor(major, minor);
  return identity;
}

/// Only a real pair of samples shows that GPM works: virtual machines and containers have been seen that
/// claim it and fail. All devices share one pause.
void DeviceReader::probe_pipes() {
  bool sampled = false;
  for (Device& device : devices_) {
    if (!device.probe_pipes) continue;
    auto sampler = GpmSampler::make(functions_, device.handle);
    if (!sampler) {
      device.identity.activity.clear();
      device.identity.no_activity_reason = sampler.error().text;
      continue;
    }
    device.gpm = std::move(*sampler);
    sampled |= device.gpm->take() == Return::success;
  }
  if (sampled) std::this_thread::sleep_for(gpm_min_distance);
  for (Device& device : devices_) {
    if (!std::exchange(device.probe_pipes, false) || !device.gpm) continue;
    const Return code = device.gpm->take();
    const auto activity = code == Return::success ? device.gpm->activity(*gpm_request_) : std::nullopt;
    device.identity.activity.clear();
    device.identity.no_activity_reason.clear();
    device.gpm->forget();
    if (activity && std::ranges::any_of(activity->ratios, is_known)) {
      device.identity.activity.assign(pipes.begin(), pipes.end());
      continue;
    }
    device.identity.no_activity_reason = code == Return::success
                                             ? "nvmlGpmMetricsGet tells no pipe's activity"
                                             : "nvmlGpmSampleGet: " + text_of(code);
    device.gpm.reset();
  }
}

void DeviceReader::plan_look() { look_at_ = back_off_.fail(Clock::now()); }

void DeviceReader::drop(Device& device, const DeviceFailure& failure) {
  device.gpm.reset();
  device.handle = nullptr;
  device.failure = failure;
  const auto trouble = Clock::now();
  // Some drivers hand out a lost device again, to lose it at the next call: then the back-off goes on.
  if (trouble - last_drop_ > settled) back_off_.succeed();
  last_drop_ = trouble;
  if (!look_at_) plan_look();
}

accelerators::DeviceResult DeviceReader::read(std::size_t index) {
  Device& device = devices_[index];
  if (device.handle == nullptr) return device.failure;
  DeviceCalls calls(functions_, device.handle);
  DeviceReading reading;
  const Moment begun = now();
  calls.read_energy_and_power();
  if (device.gpm && device.gpm->may_take(Clock::now())) {
    const Return code = device.gpm->take();
    reading.activity_sampled = code == Return::success;
    if (code != Return::success) calls.note(code);
  }
  calls.read_clock();
  set_time(reading, begun, now(), calls.stamp_us(), device.last_stamp_us);
  if (reading.activity_sampled) {
    device.gpm->note_clock(calls.reading.core_clock_mhz);
    reading.activity = device.gpm->activity(*gpm_request_);
  }
  calls.read_the_rest();
  const Return why = calls.failure();
  if (why == Return::success) {
    const bool with_energy = device.identity.energy_source == EnergySource::counter;
    reading.numbers = numbers(calls.reading, with_energy);
    return reading;
  }

  broken_ = broken_ || is_broken(why);
  const DeviceFailure failure{static_cast<int>(why), "reading " + device.identity.pci + ": " + text_of(why)};
  if (is_down(why))
    drop(device, failure);
  else if (device.gpm)
    device.gpm->forget();
  return failure;
}

}  // namespace flopwatt::nvidia
