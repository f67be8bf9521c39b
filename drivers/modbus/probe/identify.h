// Whether the identification registers of a unit fit a profile. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/probe/answers.h"

namespace flopwatt::modbus {

struct Identification {
  enum class Verdict : std::uint8_t {
    contradicted,  ///< a register holds what this model never has there
    refused,       ///< the unit does not answer a register that the model has
    open,          ///< the profile has nothing to compare with
    text_fits,     ///< a text names the vendor or the model, without being the text of the profile
    matched,       ///< a register holds what the profile expects
  };
  Verdict verdict = Verdict::open;
  bool wide = false;         ///< matched by more than 16 bits or a text, which is no coincidence
  bool names_model = false;  ///< a text that is not expected names the model
  std::vector<std::string> why;
  std::string vendor, model, serial;  ///< as the unit says, "" where it does not
};

/// Each identification register is read alone.
[[nodiscard]] Question question_of(const IdentifyingRegister& reg);
/// As question_of(), for a device that answers only requests for an even number of registers.
[[nodiscard]] Question even_question_of(const IdentifyingRegister& reg);

[[nodiscard]] Identification identify(const MeterProfile& profile, const Answers& answers);

}  // namespace flopwatt::modbus
