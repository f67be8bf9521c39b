#include "drivers/modbus/probe/values.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "config/yaml/parse_values.h"
#include "readings/quantity.h"
#include "readings/reading_set.h"

namespace flopwatt::modbus {
namespace {

struct Limits {
  double low, high;
};

// What feeds a rack, with room above: 10 MW, 100 kA, 10 TWh.
Limits limits_of(const Register& reg, const std::string& kind) {
  constexpr double most_watts = 1e7;
  constexpr double most_amperes = 1e5;
  constexpr double most_watt_hours = 1e13;
  switch (reg.channel.quantity) {
    case Quantity::voltage:
      if (kind == "dc-meter" || kind == "rack-psu") return {10, 1500};
      return {80, kind_of(reg.channel.place) == PlaceKind::lines ? 870.0 : 500.0};
    case Quantity::frequency:
      return {45, 66};
    case Quantity::power_factor:
      return {-1.01, 1.01};
    case Quantity::current:
      return {-most_amperes, most_amperes};
    case Quantity::energy_import:
    case Quantity::energy_export:
      return {0, most_watt_hours};
    default:
      return {-most_watts, most_watts};
  }
}

constexpr std::array key_quantities = {Quantity::voltage, Quantity::frequency, Quantity::active_power,
                                       Quantity::energy_import};

const Register* best_of(const MeterProfile& profile, Quantity quantity) {
  const Register* best = nullptr;
  for (const Register& reg : profile.registers)
    if (reg.channel.quantity == quantity && (best == nullptr || reg.channel < best->channel)) best = &reg;
  return best;
}

std::string value_text(const Register& reg, double value) {
  const QuantityRow* row = find_row(SourceKind::meter, reg.channel);
  std::string text(row == nullptr ? "value" : row->name);
  if (reg.channel.place == Place::branch) text += " of branch " + std::to_string(reg.channel.branch);
  if (const auto label = label_of(reg.channel.place); !label.empty() && reg.channel.place != Place::branch)
    text.append(" ").append(label);
  text += ' ' + format_number(std::round(value * 1000) / 1000);
  if (row != nullptr && row->unit != "1") text.append(" ").append(row->unit);
  return text;
}

}  // namespace

bool is_plausible(const Register& reg, const std::string& kind, double value) {
  const auto [low, high] = limits_of(reg, kind);
  return is_known(value) && value >= low && value <= high;
}

std::vector<Register> key_registers(const MeterProfile& profile) {
  std::vector<Register> keys;
  for (const Quantity quantity : key_quantities)
    if (const Register* best = best_of(profile, quantity)) keys.push_back(*best);
  return keys;
}

std::vector<Question> key_questions(const MeterProfile& profile, const Variation& variation) {
  std::vector<Question> questions;
  for (const Register& key : key_registers(profile))
    if (const auto reg = varied(key, variation))
      std::ranges::copy(questions_of(plan_reads({&*reg, 1}, profile.limits)), std::back_inserter(questions));
  return questions;
}

KeyValues check_keys(const MeterProfile& profile, const Variation& variation, const Answers& answers) {
  KeyValues result{true, false, true, {}};
  bool power = false;
  for (const Register& key : key_registers(profile)) {
    const auto reg = varied(key, variation).value_or(key);
    const double value = values_of({&reg, 1}, plan_reads({&reg, 1}, profile.limits), answers).front();
    const bool plausible = is_plausible(reg, profile.kind, value);
    const Quantity quantity = reg.channel.quantity;
    const bool decides = quantity != Quantity::energy_import;
    result.readable = result.readable && (is_known(value) || !decides);
    if (quantity == Quantity::voltage || quantity == Quantity::frequency) result.telling = true;
    // An energy that was never counted is marked as unknown by some meters.
    if (decides || is_known(value)) result.fits = result.fits && plausible;
    power = power || (!decides ? plausible : quantity == Quantity::active_power && plausible);
    if (!is_known(value)) continue;
    if (!result.text.empty()) result.text += ", ";
    result.text += value_text(reg, value);
  }
  result.fits = result.fits && power;
  return result;
}

Share check_all(const MeterProfile& profile, const Answers& answers) {
  Share share;
  const std::vector<double> values =
      values_of(profile.registers, plan_reads(profile.registers, profile.limits), answers);
  share.all = values.size();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (is_plausible(profile.registers[i], profile.kind, values[i])) ++share.plausible;
  return share;
}

}  // namespace flopwatt::modbus
