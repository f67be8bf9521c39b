// What a guest asks of a vendor's library.
#pragma once

#include <cstddef>
#include <string>

#include "drivers/accelerators/device.h"

namespace flopwatt::accelerators {

/// Why a library cannot be used.
struct Unavailable {
  bool no_library = false;  ///< there is none, as on a machine without devices of the vendor
  std::string text;
  int code = 0;  ///< error number of the library, 0 where it gave none
};

/// The devices of one vendor in this machine, by its library. Guest process only; one thread; calls block for
/// as long as the library does.
class DeviceReader {
 public:
  virtual ~DeviceReader() = default;

  /// In PCI order as first seen; one that was found later is at the end. An index stays with its PCI address,
  /// also while the card is lost or after it was replaced.
  [[nodiscard]] virtual std::size_t size() const = 0;
  [[nodiscard]] virtual const DeviceIdentity& identity(std::size_t index) const = 0;
  /// Version of the kernel driver.
  [[nodiscard]] virtual const std::string& driver_version() const = 0;

  /// Looks again for devices that are down, when that is due. True where an identity is new or has changed.
  [[nodiscard]] virtual bool look_again() = 0;

  /// Reads one device; a figure that the device does not report is `absent`. Fails where the device is down
  /// or reports no figure at all.
  [[nodiscard]] virtual DeviceResult read(std::size_t index) = 0;

  /// The library itself is of no use any more (driver unloaded or upgraded): only a new process helps.
  [[nodiscard]] virtual bool broken() const = 0;
};

}  // namespace flopwatt::accelerators
