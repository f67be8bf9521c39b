// From the answers of one poll to the values of a reading set: raw numbers, and the factors that the meter's
// scale registers tell. Pure. No look-up by name, no allocation while values are taken.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/registers/read_plan.h"
#include "readings/source.h"

namespace flopwatt::modbus {

class MeterValues {
 public:
  explicit MeterValues(std::vector<Register> registers);

  /// A poll begins: no value is known. Factors stay.
  void begin();

  /// The factors that these slots tell are unknown until they are told again.
  void forget_factors(std::span<const ReadSlot> slots);

  /// `answer`: 2 bytes for each register of the request whose `slots` these are.
  void take(std::span<const ReadSlot> slots, std::span<const std::uint8_t> answer);

  /// After the answers of a poll: whether a known factor differs from the one that fields() tells of. From
  /// now on fields() tells of it.
  [[nodiscard]] bool factors_changed();

  /// One for each register, in their order.
  [[nodiscard]] std::vector<Field> fields() const;
  /// Parallel to fields(), `absent` where the value or one of its factors is not known.
  void write(std::vector<double>& values) const;

  /// Whether this register has a value that only lacks its factor.
  [[nodiscard]] bool lacks_factor(std::size_t register_index) const;
  [[nodiscard]] const std::vector<Register>& registers() const { return registers_; }

 private:
  struct Raw {
    double value = 0, minus = 0;
    std::array<double, 4> factors{};  // parallel to scaled_by
  };
  [[nodiscard]] double factor(std::size_t index) const;

  std::vector<Register> registers_;
  std::vector<Raw> raw_;             // parallel to registers_
  std::vector<std::size_t> scaled_;  // registers with a factor
  std::vector<double> described_;    // parallel to registers_: the factor that fields() tells of
};

}  // namespace flopwatt::modbus
