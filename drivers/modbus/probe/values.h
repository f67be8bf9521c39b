// Whether the values that a unit gives are those of a meter at work: voltage and frequency of a mains, a
// power. Alone they never tell which meter it is: makers share addresses with different layouts. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/probe/answers.h"

namespace flopwatt::modbus {

/// 80 to 500 V to neutral (870 V between lines; direct current and what feeds a power supply 10 to 1500 V),
/// 45 to 66 Hz, currents, powers and energies of the size of a building.
[[nodiscard]] bool is_plausible(const Register& reg, const std::string& kind, double value);

/// Of each of voltage, frequency, active power and imported energy the register that is best known of the
/// profile: the whole meter's, else the first phase's, else the first branch's.
[[nodiscard]] std::vector<Register> key_registers(const MeterProfile& profile);

/// What has to be asked to know them, each alone.
[[nodiscard]] std::vector<Question> key_questions(const MeterProfile& profile, const Variation& variation);

struct KeyValues {
  bool fits = false;     ///< voltage and frequency, as far as the profile has them, and a power are plausible
  bool telling = false;  ///< and there is a voltage or a frequency among them
  bool readable = false;  ///< every one of them was answered with a number
  std::string text;       ///< "voltage L1 230.1 V, frequency 50 Hz, active_power 1234 W"
};

[[nodiscard]] KeyValues check_keys(const MeterProfile& profile, const Variation& variation,
                                   const Answers& answers);

/// How much of a profile a unit knows. All 0: that was not asked.
struct Share {
  std::size_t plausible = 0, all = 0;  ///< values

  [[nodiscard]] bool is_none() const { return all > 0 && plausible == 0; }
  [[nodiscard]] double ratio() const {
    return all == 0 ? 0 : static_cast<double>(plausible) / static_cast<double>(all);
  }
};

/// By the requests of its plan.
[[nodiscard]] Share check_all(const MeterProfile& profile, const Answers& answers);

}  // namespace flopwatt::modbus
