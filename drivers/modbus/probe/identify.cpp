#include "drivers/modbus/probe/identify.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <string_view>

#include "config/yaml/parse_values.h"
#include "drivers/modbus/registers/decode.h"
#include "readings/reading_set.h"

namespace flopwatt::modbus {
namespace {

using Verdict = Identification::Verdict;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

bool contains(const std::string& text, std::string_view word) {
  return lower(text).find(lower(word)) != std::string::npos;
}

// "PM5110/PM5340" names both. What has no digit has to be longer, as "with" and "and" name nothing.
bool names_one_of(const std::string& text, const std::string& names, std::size_t shortest_without_digit) {
  constexpr std::size_t shortest = 3;
  std::string word;
  bool digit = false;
  for (const char c : names + ' ') {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      word += c;
      digit = digit || std::isdigit(static_cast<unsigned char>(c)) != 0;
      continue;
    }
    if (word.size() >= (digit ? shortest : shortest_without_digit) && contains(text, word)) return true;
    word.clear();
    digit = false;
  }
  return false;
}

std::string place_text(const IdentifyingRegister& reg) {
  return "register " + std::to_string(reg.address) +
         (reg.meaning.empty() ? std::string() : " (" + reg.meaning + ")");
}

double number_of(const IdentifyingRegister& reg, const Answers::Bytes& bytes) {
  Register plain;
  plain.wire = reg.wire;
  plain.word_order = reg.word_order;
  return decode_raw(std::span(bytes).first(std::size_t{2} * reg.width()), plain);
}

void note_identity(const IdentifyingRegister& reg, const std::string& text, Identification& result) {
  if (text.empty()) return;
  if (reg.meaning == "serial number") result.serial = text;
  if (contains(reg.meaning, "model") || contains(reg.meaning, "product name")) result.model = text;
  if (reg.meaning == "manufacturer" || reg.meaning == "name of the maker") result.vendor = text;
}

Verdict judge_text(const MeterProfile& profile, const IdentifyingRegister& reg, const Answers::Bytes& bytes,
                   Identification& result) {
  for (const bool swapped : {false, true}) {
    const std::string text = text_of_registers(bytes, swapped);
    const auto begins = [&](const std::string& expected) {
      return !expected.empty() && text.starts_with(expected);
    };
    const bool matches = std::ranges::any_of(reg.expected_text, begins);
    // A serial number, or what the owner wrote, names no model.
    const bool open =
        reg.expected_text.empty() && !contains(reg.meaning, "serial") && !contains(reg.meaning, "owner");
    const bool names_model = open && names_one_of(text, profile.model, 5);
    if (!matches && !names_model && !(open && names_one_of(text, profile.vendor, 3))) continue;
    note_identity(reg, text, result);
    result.wide = result.wide || matches;
    result.names_model = result.names_model || names_model;
    result.why.push_back(place_text(reg) + " reads '" + text + "'" + (matches ? ", as expected" : ""));
    return matches ? Verdict::matched : Verdict::text_fits;
  }
  note_identity(reg, text_of_registers(bytes, false), result);
  return reg.expected_text.empty() ? Verdict::open : Verdict::contradicted;
}

Verdict judge_number(const IdentifyingRegister& reg, const Answers::Bytes& bytes, Identification& result) {
  const double number = number_of(reg, bytes);
  const bool whole = is_known(number) && number == std::floor(number);
  if (reg.expected.empty()) {
    if (whole && number > 0) note_identity(reg, format_number(number), result);
    return Verdict::open;
  }
  const bool matches = is_known(number) && std::ranges::any_of(reg.expected, [&](std::int64_t expected) {
                         return static_cast<double>(expected) == number;
                       });
  if (!matches) return Verdict::contradicted;
  result.wide = result.wide || reg.width() > 1;
  result.why.push_back(place_text(reg) + " holds " + format_number(number) + ", as expected");
  return Verdict::matched;
}

// Of several registers one that contradicts decides, then one that matches.
int weight(Verdict verdict) {
  switch (verdict) {
    case Verdict::contradicted:
      return 4;
    case Verdict::matched:
      return 3;
    case Verdict::text_fits:
      return 2;
    case Verdict::refused:
      return 1;
    case Verdict::open:
      break;
  }
  return 0;
}

}  // namespace

Question question_of(const IdentifyingRegister& reg) {
  return {static_cast<ReadFunction>(reg.function), reg.address, reg.width()};
}

Question even_question_of(const IdentifyingRegister& reg) {
  Question question = question_of(reg);
  question.count = static_cast<std::uint16_t>(question.count + question.count % 2);
  return question;
}

Identification identify(const MeterProfile& profile, const Answers& answers) {
  Identification result;
  for (const IdentifyingRegister& reg : profile.identify) {
    const Answers::Bytes* bytes = answers.find(question_of(reg));
    if (bytes == nullptr) bytes = answers.find(even_question_of(reg));
    auto verdict = Verdict::open;
    if (bytes == nullptr)
      verdict = reg.expected.empty() && reg.expected_text.empty() ? Verdict::open : Verdict::refused;
    else if (reg.text_registers > 0)
      verdict = judge_text(profile, reg, *bytes, result);
    else
      verdict = judge_number(reg, *bytes, result);
    if (weight(verdict) > weight(result.verdict)) result.verdict = verdict;
  }
  return result;
}

}  // namespace flopwatt::modbus
