// A vendor of accelerators: a row of the table in vendors.cpp. Drivers, guests and commands are given the
// rows; nothing else in the program knows a vendor by name.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/accelerator_table.h"
#include "config/vendor_keys.h"
#include "drivers/accelerators/device.h"
#include "drivers/accelerators/device_reader.h"
#include "drivers/accelerators/work.h"

namespace flopwatt::accelerators {

/// How the work of one device follows from its activity: method `pipe`. Agent only; pure.
struct WorkModel {
  std::vector<Place> precisions;  ///< of the parts of all work
  /// Those of them whose figure on data sheets, if there is one, is not the peak of this work.
  std::vector<Place> without_peak{};
  /// Work of one interval in FLOP. nullopt where an activity that counts or a clock is unknown: one unknown
  /// part makes all work of the interval unknown.
  std::function<std::optional<Work>(const Activity&)> work_of;
};

/// Why a device has no work by method `pipe`, as a part of a sentence.
struct NoWork {
  std::string reason;
};

/// Lives as long as the program.
struct Vendor {
  VendorKeys keys;
  double accuracy = 0;                  ///< relative half-width of the sensors of power and energy
  std::chrono::microseconds refresh{};  ///< how often devices refresh power and energy, at least
  /// Guest only: loads the library and finds the devices.
  Result<std::unique_ptr<DeviceReader>, Unavailable> (*make_reader)(const std::string& library);
  Result<WorkModel, NoWork> (*make_work_model)(const DeviceIdentity& identity, const VendorTable& table,
                                               Place tensor_precision);
};

/// What the configuration is loaded with.
[[nodiscard]] inline std::vector<VendorKeys> keys_of(std::span<const Vendor> vendors) {
  std::vector<VendorKeys> keys;
  for (const Vendor& vendor : vendors) keys.push_back(vendor.keys);
  return keys;
}

}  // namespace flopwatt::accelerators
