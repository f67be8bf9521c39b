// A meter model as data: its registers, their encoding, the limits of its requests. Made from
// config/meters/<id>.yml or from inline `registers`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "readings/source.h"

namespace flopwatt {

enum class Parity : std::uint8_t { none, even, odd };

/// Settings of a serial line. The other transports ignore them.
struct SerialSettings {
  std::uint32_t baud = 9600;
  Parity parity = Parity::none;
  std::uint8_t stop_bits = 1;

  bool operator==(const SerialSettings&) const = default;
};

/// Order of the 16-bit registers of a wider value. Bytes inside a register are always big-endian.
enum class WordOrder : std::uint8_t { big, little };

/// A register that scales others: a factor, a power of ten or an index that the device sets. Read in the same
/// request as the values, else at each connect.
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

/// How the words of a register make a number.
enum class Encoding : std::uint8_t {
  plain,         ///< as `wire` says
  modulo_10000,  ///< two words of 0 to 9999, the more significant one times 10000; `wire` is u32
};

/// One value of a meter. These raw bits always mean "not available": all ones of an unsigned type; the
/// largest and the smallest number of a signed type; the same, NaN, infinity and magnitudes below 1e-30 of a
/// floating type. The check comes before scaling.
struct Register {
  Channel channel;
  std::uint16_t address = 0;  ///< 0-based, as on the wire
  std::uint8_t function = 3;  ///< 3 holding, 4 input
  Wire wire = Wire::u16;      ///< never u8
  WordOrder word_order = WordOrder::big;
  /// held value = raw * scale. `scale` includes the factor from the configured unit (kW, Wh, kWh ...) to the
  /// held unit of the quantity table.
  double scale = 1.0;
  double resolution = 0.0;  ///< in the held unit, 0 = as fine as the type; see Field::resolution
  Encoding encoding = Encoding::plain;
  std::vector<ScaleRegister> scaled_by{};  ///< all apply; at most 4
  /// Address of a second register of the same kind: value = this - that.
  std::optional<std::uint16_t> minus{};
  /// Further raw bits that mean "not available"; at most 8.
  std::vector<std::uint64_t> unavailable{};
  bool percent_above_one = false;  ///< a power factor; |value| > 1 is in per cent
  bool alone = false;              ///< must be read in a request of its own

  [[nodiscard]] std::uint16_t width() const;  ///< in registers: 1, 2 or 4
  bool operator==(const Register&) const = default;
};

/// Addresses from `first` to `last`, both included.
struct AddressRange {
  std::uint16_t first = 0, last = 0;

  bool operator==(const AddressRange&) const = default;
};

/// Limits of one request to this meter.
struct ReadLimits {
  std::uint16_t max_registers = 125;
  std::uint16_t max_hole = 0;  ///< unused registers that a request may include to save another request
  bool even = false;           ///< start and count of every request must be even
  std::uint16_t block = 1;     ///< start and count of every request must be multiples of `block`
  std::vector<AddressRange> forbidden{};  ///< no request may include these

  bool operator==(const ReadLimits&) const = default;
};

/// A register that identifies the model, or the device. Read in a request of its own.
struct IdentifyingRegister {
  std::uint16_t address = 0;
  std::uint8_t function = 3;
  Wire wire = Wire::u16;
  WordOrder word_order = WordOrder::big;
  std::uint16_t text_registers = 0;  ///< > 0: a text of so many registers, high byte first, instead of `wire`
  std::vector<std::int64_t> expected;      ///< values of this model; empty: any
  std::vector<std::string> expected_text;  ///< beginnings of the text; empty: any
  std::string meaning;                     ///< "serial number"

  [[nodiscard]] std::uint16_t width() const;  ///< in registers
};

/// A register that is not read, because its quantity is not published.
struct UnreadRegister {
  std::string quantity, part;  ///< as in the file
  std::uint16_t address = 0;
  std::string reason;  ///< as in the table of readings/unpublished.h
};

struct MeterProfile {
  std::string id;  ///< file name without .yml, "" for inline registers
  std::string vendor, model;
  std::string kind;  ///< "power-meter", "rack-pdu", "branch-circuit-monitor", "rack-psu", "dc-meter", "ups"
  std::optional<SerialSettings> serial;  ///< the maker's default; unset: no serial line
  std::uint8_t unit_id = 1;              ///< the maker's default
  ReadLimits limits;
  /// How old a value may be that the meter gives: it renews its values so often. 0: not known.
  std::chrono::microseconds refresh{0};
  std::vector<Register> registers;
  std::vector<UnreadRegister> unread;
  std::vector<std::string> sources;    ///< documents and programs that the addresses come from
  std::string confidence;              ///< "two-sources", "one-source"
  std::vector<std::string> conflicts;  ///< where sources differ: the choice and the reason, a sentence each
  std::vector<IdentifyingRegister> identify;
  std::vector<std::string> quirks;  ///< advice for operators, a sentence each
  /// `profile: sunspec`: the device describes its registers at each connect; `registers` are the
  /// meter's own, which are put into those.
  bool sunspec = false;

  /// Whether a register is of that channel. A SunSpec meter has power and imported energy of the whole, too.
  [[nodiscard]] bool has(Channel channel) const;
};

}  // namespace flopwatt
