#include "readings/register_verdict.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace flopwatt {
namespace {

std::string ratio_text(double ratio) {
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.3g", ratio);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string cure_of(double ratio) {
  const auto is_near = [&](double factor) { return std::abs(ratio / factor - 1) < 0.3; };
  if (is_near(1000)) return "Is its unit Wh where kWh is configured, or its power kW where W is?";
  if (is_near(1e-3)) return "Is its unit kWh where Wh is configured, or its power W where kW is?";
  return "Check unit, type and word_order of both registers";
}

}  // namespace

std::string explanation_of(const RegisterFigures& figures) {
  const std::string told = "the energy register tells " + ratio_text(figures.energy_power_ratio) +
                           " times the energy of the power readings";
  switch (figures.verdict) {
    case RegisterVerdict::agrees:
      break;
    case RegisterVerdict::stands_still:
      return "the energy register does not move while power flows; power is integrated instead. Is the "
             "register frozen, or does it count in larger steps (`resolution`)?";
    case RegisterVerdict::differs:
      return told + "; the uncertainty covers both. Check accuracy, transformers and how often power is read";
    case RegisterVerdict::contradicts:
      return told + "; no J/FLOP is published. " + cure_of(figures.energy_power_ratio);
  }
  return {};
}

}  // namespace flopwatt
