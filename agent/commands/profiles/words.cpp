#include "agent/commands/profiles/words.h"

#include <chrono>

#include "config/profiles/read_register_type.h"
#include "config/yaml/nearest.h"
#include "config/yaml/parse_values.h"
#include "drivers/modbus/bus_plan.h"

namespace flopwatt::commands {
namespace {

std::string counted(std::size_t count, const std::string& word) {
  return std::to_string(count) + ' ' + word + (count == 1 ? "" : "s");
}

std::string list_texts(const std::vector<std::string>& texts) {
  return list_words(std::vector<std::string_view>(texts.begin(), texts.end()));
}

std::string register_text(std::uint32_t address, std::uint32_t width) {
  return width == 1 ? "register " + std::to_string(address)
                    : "registers " + std::to_string(address) + "-" + std::to_string(address + width - 1);
}

std::string scale_text(const ScaleRegister& scale, std::uint8_t function) {
  const std::string reg =
      "register " + std::to_string(scale.address) +
      (scale.function == function ? "" : " (function " + std::to_string(scale.function) + ")");
  switch (scale.use) {
    case ScaleRegister::Use::factor:
      return ", times the " + reg + (scale.scale == 1.0 ? "" : " x " + format_number(scale.scale));
    case ScaleRegister::Use::exponent:
      return ", times 10 to the power of the " + reg;
    case ScaleRegister::Use::divisors:
      break;
  }
  std::vector<std::string> divisors;
  for (const double one : scale.divisors) divisors.push_back(format_number(one));
  return ", divided by " + list_texts(divisors) + " as the " + reg + " says (0, 1, ...)";
}

}  // namespace

std::string place_text(Channel channel) {
  if (channel.place == Place::branch) return "branch " + std::to_string(channel.branch);
  return std::string(label_of(channel.place));
}

std::string type_text(const Register& reg) {
  return std::string(type_name(reg.wire, reg.encoding)) +
         (reg.width() > 1 && reg.word_order == WordOrder::little ? ", low word first" : "");
}

std::string scaling_text(const Register& reg) {
  std::string text;
  if (reg.minus) text += ", less the register " + std::to_string(*reg.minus);
  for (const ScaleRegister& scale : reg.scaled_by) text += scale_text(scale, reg.function);
  std::vector<std::string> bits;
  for (const std::uint64_t one : reg.unavailable) bits.push_back(std::to_string(one));
  if (!bits.empty()) text += ", no value where it is " + list_texts(bits);
  if (reg.alone) text += ", read alone";
  return text;
}

std::string serial_text(const SerialSettings& serial) {
  const std::string parity = serial.parity == Parity::none   ? "no"
                             : serial.parity == Parity::even ? "even"
                                                             : "odd";
  return std::to_string(serial.baud) + " baud, " + parity + " parity, " +
         counted(serial.stop_bits, "stop bit");
}

std::vector<std::string> limits_text(const ReadLimits& limits) {
  std::vector<std::string> lines = {"at most " + counted(limits.max_registers, "register")};
  lines.push_back(limits.max_hole == 0
                      ? "nothing between values that is not one of its registers"
                      : "over at most " + counted(limits.max_hole, "register") + " that it does not have");
  if (limits.even) lines.emplace_back("begins at an even address, with an even number of registers");
  if (limits.block > 1) lines.push_back("whole blocks of " + std::to_string(limits.block) + " registers");
  for (const AddressRange& range : limits.forbidden)
    lines.push_back("never touches " + register_text(range.first, 1U + range.last - range.first));
  return lines;
}

std::string identify_text(const IdentifyingRegister& one) {
  std::string text =
      register_text(one.address, one.width()) + " (function " + std::to_string(one.function) + ")";
  std::vector<std::string> values;
  for (const std::int64_t value : one.expected) values.push_back(std::to_string(value));
  for (const std::string& begin : one.expected_text) values.push_back('"' + begin + '"');
  if (values.empty())
    text += one.text_registers > 0 ? " hold a text" : " can be read";
  else if (one.text_registers > 0)
    text += " hold a text that begins with " + list_texts(values);
  else
    text += (one.width() == 1 ? " is " : " are ") + list_texts(values);
  return one.meaning.empty() ? text : text + ": " + one.meaning;
}

std::string request_text(const modbus::PlannedRead& read) {
  return "function " + std::to_string(static_cast<int>(read.function)) + ", address " +
         std::to_string(read.address) + ", " + counted(read.count, "register");
}

double cycle_seconds(const MeterProfile& profile, Transport transport, const SerialSettings& serial) {
  MeterConfig meter;
  meter.profile = profile;
  meter.address.transport = transport;
  meter.serial = serial;
  return std::chrono::duration<double>(modbus::planned_cycle({&meter})).count();
}

}  // namespace flopwatt::commands
