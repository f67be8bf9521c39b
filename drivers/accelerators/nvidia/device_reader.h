// Reads the NVIDIA devices of this machine. A device that is lost is down by itself: its handle is dropped
// and looked for again with back-off, by PCI address, while the others go on. Guest process only; one thread;
// calls block for as long as the library does.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "drivers/accelerators/device_reader.h"
#include "drivers/accelerators/nvidia/gpm_sampler.h"
#include "drivers/accelerators/nvidia/nvml_library.h"
#include "runtime/backoff.h"

namespace flopwatt::nvidia {

class DeviceReader final : public accelerators::DeviceReader {
 public:
  using Clock = std::chrono::steady_clock;

  /// `functions` must be initialised.
  explicit DeviceReader(std::shared_ptr<const NvmlFunctions> functions);

  /// Finds the devices and what each of them can tell. Takes about 0.12 s longer where devices have GPM,
  /// since only a real pair of samples shows that it works. Fails where the library cannot even count.
  [[nodiscard]] Result<Done> find_devices();

  [[nodiscard]] std::size_t size() const override { return devices_.size(); }
  [[nodiscard]] const accelerators::DeviceIdentity& identity(std::size_t index) const override {
    return devices_[index].identity;
  }
  [[nodiscard]] const std::string& driver_version() const override { return driver_version_; }
  [[nodiscard]] bool look_again() override;
  [[nodiscard]] accelerators::DeviceResult read(std::size_t index) override;
  [[nodiscard]] bool broken() const override { return broken_; }

 private:
  using DeviceIdentity = accelerators::DeviceIdentity;
  using DeviceFailure = accelerators::DeviceFailure;

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

  const std::shared_ptr<const NvmlFunctions> library_;  ///< first: the last to go
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
