// Tells the log once when the energy register of a source and its power begin to contradict each other, and
// when they agree again.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "readings/register_verdict.h"
#include "readings/scope_figures.h"

namespace flopwatt::daemon {

/// Metering loop only.
class RegisterLog {
 public:
  void follow(const std::vector<ScopeFigures>& scopes);

 private:
  std::map<std::string, RegisterVerdict> verdicts_;  // by source
};

}  // namespace flopwatt::daemon
