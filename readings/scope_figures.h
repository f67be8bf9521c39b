// What accounting says of one scope at one moment.
#pragma once

#include <string>
#include <vector>

#include "readings/reading_set.h"

namespace flopwatt {

/// One term of the uncertainty of a window's J/FLOP: relative standard uncertainty (k=1) and what it comes
/// from.
struct UncertaintyTerm {
  std::string name;  ///< "meter class", "CT class", "register step", "time stamps", "sampling", "device
                     ///< gain", "clock", "counting steps"
  double relative = 0;
};

struct WindowFigures {
  ReadingSet figures;  ///< of kind window, its source named "<scope>/<window>"
  Method method = Method::none;
  std::vector<UncertaintyTerm> terms;
};

struct ScopeFigures {
  std::string name;
  std::string parent;        ///< "" at the top
  bool from_meters = false;  ///< else from the devices' own energy
  Method method = Method::none;
  ReadingSet figures;  ///< of kind scope
  std::vector<WindowFigures>
      windows;  ///< trailing, ending at the newest moment that every source has reached
};

}  // namespace flopwatt
