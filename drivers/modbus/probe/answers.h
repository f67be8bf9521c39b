// What one unit has answered to a probe so far, and which values registers hold according to that. Each
// question is asked once, however many profiles want to know. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/registers/read_plan.h"
#include "drivers/modbus/wire/mbap.h"

namespace flopwatt::modbus {

/// A request without its unit.
struct Question {
  ReadFunction function = ReadFunction::holding_registers;
  std::uint16_t address = 0;
  std::uint16_t count = 1;

  auto operator<=>(const Question&) const = default;  // NOLINT(modernize-use-nullptr): of clang-tidy 14
};

class Answers {
 public:
  using Bytes = std::vector<std::uint8_t>;  ///< 2 a register, as on the wire

  void add(const Question& question, std::span<const std::uint8_t> registers);
  /// It was asked; the unit refused, or was silent.
  void add_refused(const Question& question) { answers_[question] = std::nullopt; }

  [[nodiscard]] bool has(const Question& question) const { return answers_.contains(question); }
  /// nullptr: not asked, or refused. Valid as long as this is.
  [[nodiscard]] const Bytes* find(const Question& question) const;

 private:
  std::map<Question, std::optional<Bytes>> answers_;
};

/// What an agent that polls such a meter would ask.
[[nodiscard]] std::vector<Question> questions_of(const ReadPlan& plan);

/// The held value of each of `registers`, of which `plan` was made; `absent` where it is not known whole,
/// with its scale registers and its `minus`.
[[nodiscard]] std::vector<double> values_of(std::span<const Register> registers, const ReadPlan& plan,
                                            const Answers& answers);

/// How a device may differ from a profile by mistake of whoever numbered its registers.
struct Variation {
  int shift = 0;  ///< of every address
  bool other_word_order = false;
  bool other_function = false;  ///< 4 for 3 and 3 for 4

  bool operator==(const Variation&) const = default;
};

/// nullopt: it cannot vary like that.
[[nodiscard]] std::optional<Register> varied(const Register& reg, const Variation& variation);

}  // namespace flopwatt::modbus
