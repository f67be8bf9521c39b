// From the answers of one poll to the values of a reading set: raw numbers, and the factors from scale
// registers. Pure. Neither looks up a name nor allocates while it takes values.
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

  /// A poll begins: no value is known any more. Factors stay.
  void begin();

  /// The factors of these slots are unknown until they are read again.
  void forget_factors(std::span<const ReadSlot> slots);

  /// `answer`: 2 bytes for each register of the request with these slots.
  void take(std::span<const ReadSlot> slots, std::span<const std::uint8_t> answer);

  /// To be called after the answers of a poll. True: a known factor differs from the one in fields(), which
  /// holds the new one from now on.
  [[nodiscard]] bool factors_changed();

  /// One for each register, in the order of registers().
  [[nodiscard]] std::vector<Field> fields() const;
  /// Writes values parallel to fields(), which `values` has room for: `absent` where the value or one of its
  /// factors is not known, and where the value is none that a meter can measure (readings/plausible.h).
  void write(std::vector<double>& values) const;

  /// Whether the register's value is known, and its factor is not.
  [[nodiscard]] bool lacks_factor(std::size_t register_index) const;
  /// What the register holds, in the held unit, whether a meter can measure that or not; `absent` as above.
  [[nodiscard]] double told(std::size_t register_index) const;
  [[nodiscard]] const std::vector<Register>& registers() const { return registers_; }

 private:
  struct Raw {
    double value = 0, minus = 0;
    std::array<double, 4> factors{};  // in the order of Register::scaled_by
  };
  [[nodiscard]] double factor(std::size_t index) const;

  std::vector<Register> registers_;
  std::vector<Raw> raw_;             // one for each of registers_
  std::vector<std::size_t> scaled_;  // indices of the registers with a factor
  std::vector<double> described_;    // for each of registers_ the factor in fields()
};

}  // namespace flopwatt::modbus
