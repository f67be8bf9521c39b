// A meter model as data: which registers it has, how they are encoded, what its requests may look like. Made
// from config/meters/<id>.yml or from inline `registers`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "readings/source.h"

namespace flopwatt {

enum class Parity : std::uint8_t { none, even, odd };

/// How a serial line is set. Of no meaning for the other transports.
struct SerialSettings {
  std::uint32_t baud = 9600;
  Parity parity = Parity::none;
  std::uint8_t stop_bits = 1;

  bool operator==(const SerialSettings&) const = default;
};

/// Order of the 16-bit registers of a wider value. Bytes inside a register are always big-endian.
enum class WordOrder : std::uint8_t { big, little };

/// A register that says how others are to be scaled: what the device multiplies by, or a power of ten that it
/// chooses while it runs. Read in the same request as its values, else at each connect.
struct ScaleRegister {
  enum class Use : std::uint8_t {
    factor,    ///< value = raw * scale * (this register * `scale` below)
    exponent,  ///< value = raw * scale * 10^(this register); beyond -10..10 the value is absent
    divisors,  ///< value = raw * scale / divisors[this register]; beyond the list the value is absent
  };
  std::uint16_t address = 0;
  std::uint8_t function = 3;
  Wire wire = Wire::i16;  ///< never floating with exponent and divisors
  WordOrder word_order = WordOrder::big;
  Use use = Use::exponent;
  double scale = 1.0;            ///< factor: of the register itself
  std::vector<double> divisors;  ///< divisors: none of them 0

  [[nodiscard]] std::uint16_t width() const;  ///< in registers: 1, 2 or 4
  bool operator==(const ScaleRegister&) const = default;
};

/// How the bits of a register's words make a number.
enum class Encoding : std::uint8_t {
  plain,         ///< as `wire` says
  modulo_10000,  ///< two words of 0 to 9999, the more significant one times 10000; `wire` is u32
};

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
  Encoding encoding = Encoding::plain;
  std::vector<ScaleRegister> scaled_by{};  ///< each of them applies; at most 4
  std::optional<std::uint16_t>
      minus{};  ///< address of a second register of the same kind: value = this - that
  std::vector<std::uint64_t>
      unavailable{};               ///< raw bits that mean "not available" beside the usual; at most 8
  bool percent_above_one = false;  ///< a power factor that some devices tell in per cent: |value| > 1
  bool alone = false;              ///< answers rightly only to a request for nothing else

  [[nodiscard]] std::uint16_t width() const;  ///< in registers: 1, 2 or 4
  bool operator==(const Register&) const = default;
};

/// Addresses from `first` to `last`, both included.
struct AddressRange {
  std::uint16_t first = 0, last = 0;

  bool operator==(const AddressRange&) const = default;
};

/// What one request to this meter may look like (facts: modbus, sections 2 and 3).
struct ReadLimits {
  std::uint16_t max_registers = 125;
  std::uint16_t max_hole = 0;  ///< unused registers that a request may read over to save another request
  bool even = false;           ///< start and count of every request must be even
  std::uint16_t block = 1;     ///< start and count of every request must be multiples of it
  std::vector<AddressRange> forbidden{};  ///< no request may touch these

  bool operator==(const ReadLimits&) const = default;
};

/// A register that tells whether a device is of this model, or which one it is. It is read alone.
struct IdentifyingRegister {
  std::uint16_t address = 0;
  std::uint8_t function = 3;
  Wire wire = Wire::u16;
  WordOrder word_order = WordOrder::big;
  std::uint16_t text_registers = 0;  ///< > 0: a text of so many registers, high byte first, instead of `wire`
  std::vector<std::int64_t> expected;      ///< a value that this model answers with; none: any
  std::vector<std::string> expected_text;  ///< what the text begins with; none: any
  std::string meaning;                     ///< "serial number"

  [[nodiscard]] std::uint16_t width() const;  ///< in registers
};

/// A register that the meter has and that is not read, since nothing of it is published.
struct UnreadRegister {
  std::string quantity, part;  ///< as in the file
  std::uint16_t address = 0;
  std::string reason;  ///< as the table of unpublished quantities says
};

struct MeterProfile {
  std::string id;  ///< file name without .yml, "" for inline registers
  std::string vendor, model;
  std::string kind;  ///< "power-meter", "rack-pdu", "branch-circuit-monitor", "rack-psu", "dc-meter", "ups"
  std::optional<SerialSettings> serial;  ///< as the maker sets it; unset: it has no serial line
  std::uint8_t unit_id = 1;              ///< as the maker sets it
  ReadLimits limits;
  std::vector<Register> registers;
  std::vector<UnreadRegister> unread;
  std::vector<std::string> sources;    ///< where its facts come from
  std::string confidence;              ///< "two-sources", "one-source"
  std::vector<std::string> conflicts;  ///< where sources differ: what was taken and why, a sentence each
  std::vector<IdentifyingRegister> identify;
  std::vector<std::string> quirks;  ///< what an operator should know, a sentence each
  /// `profile: sunspec`: the device itself says at each connect which registers it has; `registers` is empty.
  bool sunspec = false;

  /// Whether one of its registers is that channel. Every SunSpec meter tells power and imported energy of the
  /// whole.
  [[nodiscard]] bool has(Channel channel) const;
};

}  // namespace flopwatt
