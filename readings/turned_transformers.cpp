#include "readings/turned_transformers.h"

#include <algorithm>
#include <cmath>

#include "readings/short_text.h"

namespace flopwatt {
namespace {

using Which = TurnedTransformers::Which;

// Below it a sign may be noise, W.
constexpr double least_watts = 10;
// A phase that has less of all power may have any sign.
constexpr double least_share = 0.1;
constexpr double tolerance = 0.04;

// Phases as magnitudes: which one the whole was made with as negative.
TurnedTransformers hidden_in_sum(const MeterPowers& powers, double magnitudes) {
  if (!is_known(powers.whole)) return {Which::none};
  if (std::abs(powers.whole + magnitudes) <= tolerance * magnitudes) return {Which::all};
  TurnedTransformers turned{Which::none};
  int fitting = 0;
  for (std::size_t i = 0; i < powers.phases.size(); ++i) {
    const double without = magnitudes - 2 * powers.phases[i];
    if (powers.phases[i] < least_share * magnitudes ||
        std::abs(powers.whole - without) > tolerance * magnitudes)
      continue;
    ++fitting;
    turned = {Which::some, static_cast<std::uint8_t>(1U << i)};
  }
  return fitting > 1 ? TurnedTransformers{Which::one_of_3} : turned;
}

std::string list_of(std::uint8_t phases) {
  const unsigned bits = phases;
  std::string text;
  for (unsigned i = 0; i < 3; ++i)
    if ((bits >> i & 1U) != 0) text += (text.empty() ? "L" : ", L") + std::to_string(i + 1);
  return text;
}

std::string phases_text(const MeterPowers& powers) {
  std::string text;
  for (std::size_t i = 0; i < powers.phases.size(); ++i) {
    if (!is_known(powers.phases[i])) continue;
    text += (text.empty() ? "L" : ", L") + std::to_string(i + 1) + ' ' + with_unit(powers.phases[i], "W");
  }
  return text;
}

std::string all_text(const TurnedFigures& figures) {
  std::string text = "active power is negative";
  if (is_known(figures.powers.whole)) text += " (" + with_unit(figures.powers.whole, "W") + ")";
  if (figures.import_is_still) text += ", the register of imported energy stands still";
  if (figures.export_grows) text += ", and that of exported energy grows";
  if (figures.is_branch)
    return text + ": the branch's current transformer is turned around; no J/FLOP is published. Turn it";
  return text +
         ": its current transformers are turned around; no J/FLOP is published. Write `invert: true` for "
         "this "
         "meter, or remove it where it stands";
}

}  // namespace

TurnedTransformers turned_by(const MeterPowers& powers) {
  double magnitudes = 0;
  for (const double watts : powers.phases)
    if (is_known(watts)) magnitudes += std::abs(watts);
  if (magnitudes < least_watts) {
    if (!is_known(powers.whole) || std::abs(powers.whole) < least_watts) return {};
    return {powers.whole < 0 ? Which::all : Which::none};
  }
  std::uint8_t negative = 0;
  bool any_positive = false;
  for (std::size_t i = 0; i < powers.phases.size(); ++i) {
    const double watts = powers.phases[i];
    if (!is_known(watts) || std::abs(watts) < least_share * magnitudes) continue;
    any_positive = any_positive || watts > 0;
    if (watts < 0) negative |= static_cast<std::uint8_t>(1U << i);
  }
  if (negative == 0) return hidden_in_sum(powers, magnitudes);
  return any_positive ? TurnedTransformers{Which::some, negative} : TurnedTransformers{Which::all};
}

std::string explanation_of(const TurnedFigures& figures) {
  constexpr auto rest =
      "; the meter's total is too low, and no J/FLOP is published. Turn it around (`invert: true` would turn "
      "all of them)";
  const std::string whole = with_unit(figures.powers.whole, "W");
  switch (figures.turned.which) {
    case Which::unclear:
    case Which::none:
      break;
    case Which::all:
      return all_text(figures);
    case Which::some: {
      const std::string names = list_of(figures.turned.phases);
      const bool is_one = names.size() == 2;
      const std::string whole_too = is_known(figures.powers.whole) ? ", the whole has " + whole : "";
      return "the phases have " + phases_text(figures.powers) + whole_too + ": the current transformer" +
             (is_one ? " of " : "s of ") + names + (is_one ? " is" : " are") + " turned around" + rest;
    }
    case Which::one_of_3:
      return "the phases have " + phases_text(figures.powers) + ", but the whole has " + whole +
             ": the current transformer of one of them is turned around" + rest;
  }
  return {};
}

}  // namespace flopwatt
