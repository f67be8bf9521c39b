#include "readings/register_verdict.h"

#include <algorithm>
#include <cmath>

#include "readings/short_text.h"

namespace flopwatt {
namespace {

std::string energy_text(double joules, SourceKind kind) {
  return kind == SourceKind::meter ? with_unit(joules / 3600, "Wh") : with_unit(joules, "J");
}

// "over 62 s the energy register tells 1.4 kWh, the power readings 1.4 Wh (1000 times)"
std::string both_figures(const RegisterFigures& figures) {
  const ComparedEnergy& compared = figures.compared;
  std::string text = "over " + three_digits(compared.seconds) + " s the energy register tells " +
                     energy_text(compared.register_joules, figures.kind) + ", the power readings " +
                     energy_text(compared.power_joules, figures.kind);
  const double ratio = compared.register_joules / compared.power_joules;
  if (std::isfinite(ratio) && ratio > 0 && ratio < 1e9) text += " (" + three_digits(ratio) + " times)";
  return text;
}

std::string cure_of(const RegisterFigures& figures) {
  if (figures.kind != SourceKind::meter)
    return "One of the two sensors is wrong: compare with a meter, and update the driver";
  const double ratio = figures.compared.register_joules / figures.compared.power_joules;
  const auto is_near = [&](double factor, double by) { return ratio > factor / by && ratio < factor * by; };
  if (is_near(1000, 3)) return "Is its unit Wh where kWh is configured, or its power kW where W is?";
  if (is_near(1e-3, 3)) return "Is its unit kWh where Wh is configured, or its power W where kW is?";
  if (is_near(65536, 3)) return "Are the words of the energy register swapped (`word_order`)?";
  if (!(ratio < 1e6)) return "Are words swapped (`word_order`), or is the type of one of both wrong?";
  return "Check unit, type and word_order of both registers";
}

}  // namespace

std::string explanation_of(const RegisterFigures& figures) {
  switch (figures.verdict) {
    case RegisterVerdict::agrees:
      break;
    case RegisterVerdict::stands_still:
      return "for " + three_digits(figures.compared.seconds) +
             " s the energy register has not moved, while power tells " +
             energy_text(figures.compared.power_joules, figures.kind) +
             "; power is integrated instead. Is the register frozen, renewed seldom (`refresh`), or does it "
             "count in larger steps (`resolution`) or a larger unit (kWh where Wh is configured)?";
    case RegisterVerdict::differs:
      return both_figures(figures) + "; the uncertainty covers both. " +
             (figures.kind == SourceKind::meter ? "Check accuracy, transformers and how often power is read"
                                                : "A power sensor that sees a part of the time only, or a "
                                                  "counter that misses some: a meter "
                                                  "in the scope's `energy` is surer");
    case RegisterVerdict::contradicts:
      return both_figures(figures) + "; no J/FLOP is published from it. " + cure_of(figures);
  }
  return {};
}

}  // namespace flopwatt
