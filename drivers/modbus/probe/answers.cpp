#include "drivers/modbus/probe/answers.h"

#include "drivers/modbus/registers/meter_values.h"
#include "readings/reading_set.h"

namespace flopwatt::modbus {
namespace {

Question planned_question(const PlannedRead& read) { return {read.function, read.address, read.count}; }

}  // namespace

void Answers::add(const Question& question, std::span<const std::uint8_t> registers) {
  answers_[question] = Bytes(registers.begin(), registers.end());
}

const Answers::Bytes* Answers::find(const Question& question) const {
  const auto found = answers_.find(question);
  return found == answers_.end() || !found->second ? nullptr : &*found->second;
}

std::vector<Question> questions_of(const ReadPlan& plan) {
  std::vector<Question> questions;
  for (const PlannedRead& read : plan.at_connect) questions.push_back(planned_question(read));
  for (const PlannedRead& read : plan.reads) questions.push_back(planned_question(read));
  return questions;
}

std::vector<double> values_of(std::span<const Register> registers, const ReadPlan& plan,
                              const Answers& answers) {
  MeterValues taken({registers.begin(), registers.end()});
  for (const auto* reads : {&plan.at_connect, &plan.reads})
    for (const PlannedRead& read : *reads)
      if (const Answers::Bytes* bytes = answers.find(planned_question(read))) taken.take(read.slots, *bytes);
  std::vector<double> values(registers.size(), absent);
  taken.write(values);
  return values;
}

std::optional<Register> varied(const Register& reg, const Variation& variation) {
  Register other = reg;
  const int address = reg.address + variation.shift;
  if (address < 0 || address + reg.width() > 65536) return std::nullopt;
  if (variation.other_word_order && (reg.width() == 1 || reg.encoding != Encoding::plain))
    return std::nullopt;
  if (variation.shift != 0 && reg.minus) return std::nullopt;
  other.address = static_cast<std::uint16_t>(address);
  if (variation.other_word_order)
    other.word_order = reg.word_order == WordOrder::big ? WordOrder::little : WordOrder::big;
  if (variation.other_function) other.function = reg.function == 3 ? 4 : 3;
  return other;
}

}  // namespace flopwatt::modbus
