// Tells the log when the joules per FLOP of a scope's window goes and comes back, and when another method is
// the best of the window.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "readings/missing_reason.h"
#include "readings/scope_figures.h"

namespace flopwatt::daemon {

/// Metering loop only.
class FigureLog {
 public:
  void follow(const std::vector<ScopeFigures>& scopes);

 private:
  struct Seen {
    Method method = Method::none;               ///< the last that was the best
    MissingReason fault = MissingReason::none;  ///< why there is no figure, where that is a fault
  };
  static void follow(const WindowFigures& window, Seen& seen);

  std::map<std::string, Seen> seen_;  // by "<scope>/<window>"
};

}  // namespace flopwatt::daemon
