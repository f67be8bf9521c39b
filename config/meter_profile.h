// A meter model as data: which registers it has, how they are encoded, what its requests may look like. Made
// from config/meters/<id>.yml or from inline `registers`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "readings/source.h"

namespace flopwatt {

/// Order of the 16-bit registers of a wider value. Bytes inside a register are always big-endian.
enum class WordOrder : std::uint8_t { big, little };

/// One value of a meter. Bits that meters use for "not available" are no value, for each type the same: all
/// ones of an unsigned, the largest and the smallest number of a signed, NaN, infinite and below 1e-30 of a
/// floating one. Judged before scaling.
struct Register {
  Channel channel;
  std::uint16_t address = 0;  ///< 0-based, as on the wire
  std::uint8_t function = 3;  ///< 3 holding, 4 input
  Wire wire = Wire::u16;      ///< never u8
  WordOrder word_order = WordOrder::big;
  /// held value = raw * scale; `scale` already contains the step from the configured unit (kW, Wh, kWh ...)
  /// to the held unit of the quantity table.
  double scale = 1.0;
  double resolution = 0.0;  ///< in the held unit, 0 = as fine as the type; see Field::resolution

  [[nodiscard]] std::uint16_t width() const;  ///< in registers: 1, 2 or 4
  bool operator==(const Register&) const = default;
};

/// What one request to this meter may look like (facts: modbus, sections 2 and 3).
struct ReadLimits {
  std::uint16_t max_registers = 125;
  std::uint16_t max_hole = 0;  ///< unused registers that a request may read over to save another request
  bool even = false;           ///< start and count of every request must be even

  bool operator==(const ReadLimits&) const = default;
};

/// A register that tells whether a device is of this model, or which one it is.
struct IdentifyingRegister {
  std::uint16_t address = 0;
  std::uint8_t function = 3;
  Wire wire = Wire::u16;
  std::optional<std::int64_t> expected;  ///< the value that this model answers with
  std::string meaning;                   ///< "serial number"
};

struct MeterProfile {
  std::string id;  ///< file name without .yml, "" for inline registers
  std::string vendor, model;
  ReadLimits limits;
  std::vector<Register> registers;
  std::vector<std::string> sources;  ///< where its facts come from
  std::string confidence;            ///< "two-sources", "one-source"
  std::vector<IdentifyingRegister> identify;
  std::vector<std::string> quirks;  ///< what an operator should know, a sentence each

  /// Whether one of its registers is that channel.
  [[nodiscard]] bool has(Channel channel) const;
};

}  // namespace flopwatt
