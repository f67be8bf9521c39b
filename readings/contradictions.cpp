#include "readings/contradictions.h"

#include "readings/short_text.h"

namespace flopwatt {
namespace {

std::string_view heading_of(RegisterVerdict verdict) {
  switch (verdict) {
    case RegisterVerdict::agrees:
      break;
    case RegisterVerdict::stands_still:
      return "energy register does not move while power flows";
    case RegisterVerdict::differs:
      return "energy register and power differ";
    case RegisterVerdict::contradicts:
      return "energy register and power contradict each other";
  }
  return "";
}

std::string balance_text(const BalanceFigures& figures) {
  return "over " + three_digits(figures.seconds) + " s the meters tell " +
         with_unit(figures.meter_joules / 3600, "Wh") + ", the devices behind them " +
         with_unit(figures.device_joules / 3600, "Wh") +
         ", beyond what both uncertainties explain; no J/FLOP is published. Does `energy` name all feeds, do "
         "all devices belong to this scope, and are all transformers the right way round?";
}

}  // namespace

std::vector<Contradiction> contradictions_of(const ScopeFigures& scope) {
  std::vector<Contradiction> all;
  for (const RegisterFigures& one : scope.registers)
    if (one.verdict != RegisterVerdict::agrees)
      all.push_back({one.source, heading_of(one.verdict), "energy register and power agree again",
                     explanation_of(one)});
  for (const TurnedFigures& one : scope.turned)
    all.push_back({one.source, "current transformers are turned around",
                   "current transformers are no longer turned around", explanation_of(one)});
  if (scope.balance)
    all.push_back({scope.name, "meters read less than the devices behind them",
                   "meters read no less than the devices behind them", balance_text(*scope.balance)});
  return all;
}

}  // namespace flopwatt
