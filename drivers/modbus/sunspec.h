// SunSpec meters: finding the chain of models on a device, and reading it as a profile (facts: sunspec;
// sunspec/models model_1, model_201 to 204, model_211 to 214). Every multi-register value has its high word
// first.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/meter_profile.h"
#include "drivers/modbus/connection.h"
#include "drivers/modbus/mbap.h"
#include "readings/result.h"

namespace flopwatt::modbus {

/// One model of the chain.
struct SunSpecModel {
  std::uint16_t id = 0;
  std::uint16_t address = 0;  ///< of its ID register
  std::uint16_t length = 0;   ///< registers after ID and L, as the device says

  /// 201 to 204 and 211 to 214 with at least the length that their definition needs.
  [[nodiscard]] bool is_meter() const;
  bool operator==(const SunSpecModel&) const = default;
};

struct SunSpecDevice {
  std::uint16_t base = 0;  ///< address of the marker
  ReadFunction function = ReadFunction::holding_registers;
  std::string manufacturer, model, options, version, serial;  ///< of model 1; "" where not told
  std::vector<SunSpecModel> models;                           ///< in their order, at most max_sunspec_models

  bool operator==(const SunSpecDevice&) const = default;
};

inline constexpr std::size_t max_sunspec_models = 64;

/// The walk through a device, without the device: which request is next, what an answer or a refusal to it
/// means. Pure. Tries the bases 40000, 50000 and 0 with function 3, then 4.
class SunSpecWalk {
 public:
  explicit SunSpecWalk(std::uint8_t unit) : unit_(unit) {}

  /// nullopt: the walk has ended.
  [[nodiscard]] std::optional<ReadRequest> next() const;
  /// The registers that next() asked for, 2 bytes each.
  void answered(std::span<const std::uint8_t> registers);
  /// The device refused, or did not answer, next().
  void refused();

  /// Once ended: the device, nullopt where there is no marker, or a chain without model 1.
  [[nodiscard]] const std::optional<SunSpecDevice>& device() const { return device_; }

 private:
  std::uint8_t unit_;
  std::optional<SunSpecDevice> device_;
};

/// Walks the device. A fault only where the device cannot be talked to (timeout and connection); a device
/// that answers, but is no SunSpec device, is nullopt.
boost::asio::awaitable<Result<std::optional<SunSpecDevice>>> discover_sunspec(Connection& connection,
                                                                              std::uint8_t unit,
                                                                              const ReadOptions& options);

/// How the `number`th (from 1) meter model of the chain is read; nullopt where there are fewer. Vendor and
/// model are those of model 1; scale factors are exponents (ScaleRegister) read with their values; id is
/// "sunspec".
[[nodiscard]] std::optional<MeterProfile> sunspec_profile(const SunSpecDevice& device, std::size_t number);

}  // namespace flopwatt::modbus
