// What a device says of itself beside its readings, and whether another device may have taken its place.
// Pure: the caller brings answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/config.h"
#include "drivers/modbus/sunspec/sunspec.h"
#include "drivers/modbus/wire/connection.h"
#include "readings/result.h"
#include "readings/source.h"

namespace flopwatt::modbus {

class DeviceIdentity {
 public:
  /// `config` outlives the identity.
  explicit DeviceIdentity(const MeterConfig& config) : config_(config) {}

  /// Writes what is known: vendor, model, serial number.
  void describe(Identity& identity) const;
  [[nodiscard]] const std::string& serial() const { return serial_; }

  // An opening is the count of Traffic::openings: it names a connection.

  /// Whether `opening` is not the connection of the call before, or the device may have been exchanged since.
  [[nodiscard]] bool begin_session(std::uint64_t opening);
  /// A poll failed: the device may come back as another one, also on the same connection.
  void may_be_exchanged() { session_.reset(); }

  /// The register with the serial number; nullptr where the profile has none, or where the register was read.
  /// The register is read once, whatever the device answers.
  [[nodiscard]] const IdentifyingRegister* unread_serial_number() const;
  void take_serial_number(const Result<Answer>& answer);

  /// Whether SunSpec models are searched for before the next request. Models that were found hold until a
  /// register of them is missing, or reading fails on another connection than they were found on.
  [[nodiscard]] bool wants_search(std::uint64_t opening, bool failing) const;
  /// What a search found. True: registers and limits of profile() are to be read from now on. A fault: the
  /// device has no such meter.
  Result<bool> take_search(const std::optional<SunSpecDevice>& device, std::uint64_t opening);
  /// A register of the models does not exist.
  void register_is_missing() { search_again_ = config_.profile.sunspec; }
  [[nodiscard]] bool search_again() const { return search_again_; }
  /// Made of the models that were found, else as configured.
  [[nodiscard]] const MeterProfile& profile() const;

 private:
  struct Models {
    SunSpecDevice device;
    MeterProfile profile;
    std::uint64_t found_on = 0;
  };

  const MeterConfig& config_;
  std::optional<std::uint64_t> session_;
  std::string serial_;
  bool serial_read_ = false;
  std::optional<Models> models_;
  bool search_again_ = false;
};

}  // namespace flopwatt::modbus
