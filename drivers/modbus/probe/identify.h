// What the identification registers of a unit say about each profile. Pure.
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
    refused,       ///< the model has such a register, the unit does not answer it
    open,          ///< the profile has nothing to compare with
    text_fits,     ///< a text names the vendor or the model, though the profile does not say which text it is
    matched,       ///< a register holds what the profile expects
  };
  Verdict verdict = Verdict::open;
  bool wide = false;         ///< matched: more than 16 bits, or a text; it does not hold them by chance
  bool names_model = false;  ///< a text that is not expected names the model
  std::vector<std::string> why;
  std::string vendor, model, serial;  ///< as the unit tells them, "" where it does not
};

/// Each is asked alone.
[[nodiscard]] Question question_of(const IdentifyingRegister& reg);
/// The same for a device that only answers requests for an even number of registers.
[[nodiscard]] Question even_question_of(const IdentifyingRegister& reg);

[[nodiscard]] Identification identify(const MeterProfile& profile, const Answers& answers);

}  // namespace flopwatt::modbus
