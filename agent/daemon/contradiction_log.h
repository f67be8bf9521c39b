// Logs once what begins to contradict each other in a scope (readings/contradictions.h), and its end.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "readings/scope_figures.h"

namespace flopwatt::daemon {

/// Metering loop only.
class ContradictionLog {
 public:
  void follow(const std::vector<ScopeFigures>& scopes);

 private:
  struct Topic {
    std::string_view what;
    bool is_there = true;
  };
  /// By source and `Contradiction::when_over`, which names the kind.
  std::map<std::pair<std::string, std::string_view>, Topic> topics_;
};

}  // namespace flopwatt::daemon
