// What contradicts each other in a scope, as log, status and `flopwatt read` tell it: in the same words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "readings/scope_figures.h"

namespace flopwatt {

struct Contradiction {
  std::string source;          ///< "pdu-a"; of a branch "pdu-a/7"; of the scope as a whole its name
  std::string_view what;       ///< in the log: "energy register and power contradict each other"
  std::string_view when_over;  ///< in the log: "energy register and power agree again"
  std::string why;             ///< figures and what to do, one clause without the source
};

[[nodiscard]] std::vector<Contradiction> contradictions_of(const ScopeFigures& scope);

}  // namespace flopwatt
