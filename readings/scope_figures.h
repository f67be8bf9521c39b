// The figures of one scope at one moment, as accounting computes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "readings/reading_set.h"
#include "readings/register_verdict.h"
#include "readings/turned_transformers.h"

namespace flopwatt {

/// One term of the uncertainty of a window's J/FLOP.
struct UncertaintyTerm {
  /// The cause: "meter class", "CT class", "device gain", "register step", "time stamps", "sampling",
  /// "clock", "counting steps".
  std::string name;
  double relative = 0;  ///< standard uncertainty (k=1)
};

struct WindowFigures {
  ReadingSet figures;                  ///< of kind window, its source named "<scope>/<window>"
  Method method = Method::none;        ///< the best of this window
  std::vector<UncertaintyTerm> terms;  ///< of the best method's J/FLOP
};

/// Meters of a scope that read less than the devices behind them, over the same time.
struct BalanceFigures {
  double meter_joules = 0, device_joules = 0;
  double seconds = 0;
};

struct ScopeFigures {
  std::string name;
  std::string parent;        ///< "" at the top
  bool from_meters = false;  ///< else from the devices' own energy
  ReadingSet figures;        ///< of kind scope
  /// Trailing: they end at the newest moment that every source has reached. Of a scope with a stale source of
  /// energy they say only why nothing is known.
  std::vector<WindowFigures> windows;
  /// Of its meters and accelerators that have a register and power.
  std::vector<RegisterFigures> registers;
  /// Of its meters whose current transformers are turned around.
  std::vector<TurnedFigures> turned;
  /// Set while its meters read less than its devices.
  std::optional<BalanceFigures> balance;
};

}  // namespace flopwatt
