#include "agent/daemon/register_log.h"

#include <utility>

#include "runtime/log.h"

namespace flopwatt::daemon {

void RegisterLog::follow(const std::vector<ScopeFigures>& scopes) {
  for (const ScopeFigures& scope : scopes) {
    for (const RegisterFigures& one : scope.registers) {
      RegisterVerdict& verdict = verdicts_[one.source];
      const RegisterVerdict before = std::exchange(verdict, one.verdict);
      if (before == one.verdict) continue;
      if (one.verdict == RegisterVerdict::agrees)
        log::info("energy register and power agree again", {{"source", one.source}});
      else
        log::warn("energy register and power contradict each other",
                  {{"source", one.source}, {"why", explanation_of(one)}});
    }
  }
}

}  // namespace flopwatt::daemon
