#include "agent/commands/profiles/json.h"

#include <boost/json/array.hpp>
#include <chrono>

#include "agent/commands/profiles/words.h"
#include "config/profiles/read_register_type.h"
#include "drivers/modbus/registers/read_plan.h"

namespace flopwatt::commands {
namespace {

namespace json = boost::json;

template <class Items, class ToJson>
json::array array_of(const Items& items, ToJson to_json) {
  json::array array;
  for (const auto& item : items) array.push_back(to_json(item));
  return array;
}

json::array texts(const std::vector<std::string>& lines) {
  return array_of(lines, [](const std::string& line) { return json::value(line); });
}

json::value request_json(const modbus::PlannedRead& read) {
  return json::object{
      {"function", static_cast<int>(read.function)}, {"address", read.address}, {"count", read.count}};
}

json::value scale_json(const ScaleRegister& scale) {
  json::object object{{"address", scale.address},
                      {"function", scale.function},
                      {"type", type_name(scale.wire, Encoding::plain)}};
  switch (scale.use) {
    case ScaleRegister::Use::factor:
      object["use"] = "factor";
      object["scale"] = scale.scale;
      break;
    case ScaleRegister::Use::exponent:
      object["use"] = "exponent";
      break;
    case ScaleRegister::Use::divisors:
      object["use"] = "divisors";
      object["divisors"] = array_of(scale.divisors, [](double one) { return json::value(one); });
      break;
  }
  return object;
}

json::value register_json(const Register& reg) {
  const QuantityRow& row = *find_row(SourceKind::meter, reg.channel);
  json::object object{{"quantity", row.name}};
  const std::string place = place_text(reg.channel);
  if (!place.empty()) object["place"] = place;
  object["unit"] = row.unit;
  object["address"] = reg.address;
  object["function"] = reg.function;
  object["type"] = type_text(reg);
  object["scale"] = reg.scale;
  if (reg.minus) object["minus"] = *reg.minus;
  if (!reg.scaled_by.empty()) object["scaled_by"] = array_of(reg.scaled_by, scale_json);
  if (!reg.unavailable.empty())
    object["unavailable"] = array_of(reg.unavailable, [](std::uint64_t bits) { return json::value(bits); });
  if (reg.alone) object["alone"] = true;
  return object;
}

json::value unread_json(const UnreadRegister& reg) {
  json::object object{{"quantity", reg.quantity}};
  if (!reg.part.empty()) object["place"] = reg.part;
  object["address"] = reg.address;
  object["reason"] = reg.reason;
  return object;
}

json::value identify_json(const IdentifyingRegister& one) {
  json::object object{{"address", one.address}, {"function", one.function}, {"count", one.width()}};
  object["type"] = one.text_registers > 0 ? "text" : type_name(one.wire, Encoding::plain);
  if (!one.expected.empty())
    object["expected"] = array_of(one.expected, [](std::int64_t value) { return json::value(value); });
  if (!one.expected_text.empty()) object["begins_with"] = texts(one.expected_text);
  if (!one.meaning.empty()) object["meaning"] = one.meaning;
  return object;
}

json::object limits_json(const ReadLimits& limits) {
  return {{"max_registers", limits.max_registers},
          {"max_hole", limits.max_hole},
          {"even", limits.even},
          {"block", limits.block},
          {"forbidden", array_of(limits.forbidden, [](const AddressRange& range) {
             return json::value(json::array{range.first, range.last});
           })}};
}

json::object serial_json(const SerialSettings& serial) {
  const std::string_view parity = serial.parity == Parity::none   ? "none"
                                  : serial.parity == Parity::even ? "even"
                                                                  : "odd";
  return {{"baud", serial.baud}, {"parity", parity}, {"stop_bits", serial.stop_bits}};
}

}  // namespace

json::object profile_json(const MeterProfile& profile, const std::filesystem::path& path) {
  const modbus::ReadPlan plan = modbus::plan_reads(profile.registers, profile.limits);
  json::object cycles{{"tcp", cycle_seconds(profile, Transport::tcp)},
                      {"rtu_9600", cycle_seconds(profile, Transport::rtu)}};
  json::object object{{"file", path.string()},
                      {"vendor", profile.vendor},
                      {"model", profile.model},
                      {"kind", profile.kind},
                      {"confidence", profile.confidence},
                      {"unit_id", profile.unit_id},
                      {"limits", limits_json(profile.limits)},
                      {"identify", array_of(profile.identify, identify_json)},
                      {"requests", array_of(plan.reads, request_json)},
                      {"requests_at_connect", array_of(plan.at_connect, request_json)},
                      {"registers", array_of(profile.registers, register_json)},
                      {"not_read", array_of(profile.unread, unread_json)},
                      {"conflicts", texts(profile.conflicts)},
                      {"quirks", texts(profile.quirks)},
                      {"sources", texts(profile.sources)}};
  if (profile.serial) {
    object["serial"] = serial_json(*profile.serial);
    cycles["serial"] = cycle_seconds(profile, Transport::rtu, *profile.serial);
  }
  object["cycle_s"] = std::move(cycles);
  if (profile.refresh.count() > 0)
    object["refresh_s"] = std::chrono::duration<double>(profile.refresh).count();
  return object;
}

}  // namespace flopwatt::commands
