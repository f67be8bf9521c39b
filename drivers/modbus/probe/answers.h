// What one unit has answered to a probe so far, and which values its registers hold. Each question is asked
// once, for all profiles. Pure.
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
  using Bytes = std::vector<std::uint8_t>;  ///< 2 for each register, as on the wire

  void add(const Question& question, std::span<const std::uint8_t> registers);
  /// The question was asked, and the unit refused it or was silent.
  void add_refused(const Question& question) { answers_[question] = std::nullopt; }

  [[nodiscard]] bool has(const Question& question) const { return answers_.contains(question); }
  /// nullptr: not asked, or not answered. Valid as long as this object.
  [[nodiscard]] const Bytes* find(const Question& question) const;

 private:
  std::map<Question, std::optional<Bytes>> answers_;
};

/// The requests of `plan`, which an agent sends to such a meter.
[[nodiscard]] std::vector<Question> questions_of(const ReadPlan& plan);

/// The held value of each of `registers`, of which `plan` was made. `absent` where the register, its `minus`
/// or one of its scale registers is not known.
[[nodiscard]] std::vector<double> values_of(std::span<const Register> registers, const ReadPlan& plan,
                                            const Answers& answers);

/// How a device differs from a profile whose author numbered registers in another way.
struct Variation {
  int shift = 0;  ///< added to the address of every register
  bool other_word_order = false;
  bool other_function = false;  ///< 4 for 3 and 3 for 4

  bool operator==(const Variation&) const = default;
};

/// `reg` with that variation; nullopt: not possible, such as an address below 0.
[[nodiscard]] std::optional<Register> varied(const Register& reg, const Variation& variation);

}  // namespace flopwatt::modbus
