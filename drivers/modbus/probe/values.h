// Whether the values of a unit are plausible for a meter in operation: voltage and frequency of a mains, a
// power. Values alone never identify a meter, since makers use the same addresses with different layouts.
// Pure: the caller brings the answers of the unit.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/probe/answers.h"

namespace flopwatt::modbus {

/// Plausible are 80 to 500 V to neutral and up to 870 V between lines, 10 to 1500 V of direct current and at
/// the input of a power supply, 45 to 66 Hz, and currents, powers and energies up to those of a building.
[[nodiscard]] bool is_plausible(const Register& reg, const std::string& kind, double value);

/// One register for each of voltage, frequency, active power and imported energy: that of the whole meter,
/// else of the first phase, else of the first branch.
[[nodiscard]] std::vector<Register> key_registers(const MeterProfile& profile);

/// The questions for the key registers, one for each.
[[nodiscard]] std::vector<Question> key_questions(const MeterProfile& profile, const Variation& variation);

struct KeyValues {
  bool fits = false;      ///< a power is plausible, and voltage and frequency where the profile has them
  bool telling = false;   ///< it fits, and the profile has a voltage or a frequency
  bool readable = false;  ///< each of them was answered with a number
  std::string text;       ///< "voltage L1 230.1 V, frequency 50 Hz, active_power 1234 W"
};

[[nodiscard]] KeyValues check_keys(const MeterProfile& profile, const Variation& variation,
                                   const Answers& answers);

/// How many of all values of a profile are plausible on a unit. All 0: nothing was asked.
struct Share {
  std::size_t plausible = 0, all = 0;

  [[nodiscard]] bool is_none() const { return all > 0 && plausible == 0; }
  [[nodiscard]] double ratio() const {
    return all == 0 ? 0 : static_cast<double>(plausible) / static_cast<double>(all);
  }
};

/// By the answers to all requests of the profile's plan.
[[nodiscard]] Share check_all(const MeterProfile& profile, const Answers& answers);

}  // namespace flopwatt::modbus
