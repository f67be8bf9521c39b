// Reads the NVIDIA devices of this machine. A device that is lost is down by itself: its handle is dropped
// and looked for again with back-off, by PCI address, while the others go on. Guest process only; one thread;
// calls block for as long as the library does.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drivers/accelerators/device.h"
#include "drivers/accelerators/nvidia/gpm_sampler.h"
#include "drivers/accelerators/nvidia/nvml_library.h"
#include "runtime/backoff.h"

namespace flopwatt::nvidia {

class DeviceReader {
 public:
  using Clock = std::chrono::steady_clock;

  /// `functions` must be initialised and outlive the reader.
  explicit DeviceReader(const NvmlFunctions& functions);

  /// Finds the devices and what each of them can tell. Takes about 0.12 s longer where devices have GPM,
  /// since only a real pair of samples shows that it works. Fails where the library cannot even count.
  [[nodiscard]] Result<Done> find_devices();

  /// In PCI order as first seen; one that was found later is at the end. An index stays with its PCI address,
  /// also while the card is lost or after it was replaced.
  [[nodiscard]] std::size_t size() const { return devices_.size(); }
  [[nodiscard]] const DeviceIdentity& identity(std::size_t index) const { return devices_[index].identity; }
  [[nodiscard]] const std::string& driver_version() const { return driver_version_; }

  /// Looks again for devices that are down, when that is due. True where an identity is new or has changed.
  [[nodiscard]] bool look_again();

  /// Reads one device; a figure that it does not tell is absent. Fails where the device is down or tells
  /// nothing.
  [[nodiscard]] DeviceResult read(std::size_t index);

  /// The library itself is of no use any more (driver unloaded or upgraded): only a new process helps.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  struct Device {
    DeviceIdentity identity;
    abi::Device handle = nullptr;     ///< null while the device is down
    std::unique_ptr<GpmSampler> gpm;  ///< null where it has none
    bool probe_pipes = false;         ///< whether it has GPM is still to be found out
    DeviceFailure failure;            ///< why it is down
    std::int64_t last_stamp_us = 0;
  };

  /// One look at all indexes. Fills handles of known addresses, adds new devices. True as look_again().
  [[nodiscard]] Result<bool> enumerate();
  void take_in(abi::Device handle);
  [[nodiscard]] DeviceIdentity identify(abi::Device handle, std::string pci) const;
  void probe_pipes();
  void drop(Device& device, const DeviceFailure& failure);
  void plan_look();

  const NvmlFunctions& functions_;
  std::vector<Device> devices_;
  std::string driver_version_;
  std::unique_ptr<abi::GpmMetricsGet> gpm_request_;
  Backoff back_off_;
  Clock::time_point last_drop_;
  std::optional<Clock::time_point> look_at_;  ///< when to enumerate again; none: all are well
  bool broken_ = false;
};

}  // namespace flopwatt::nvidia
