#include "agent/daemon/figure_log.h"

#include <string_view>
#include <utility>

#include "runtime/log.h"

namespace flopwatt::daemon {
namespace {

MissingReason reason_of(const ReadingSet& window) {
  const auto index = window.source->index_of({.quantity = Quantity::missing});
  const double reason = index ? window.values[*index] : absent;
  return is_known(reason) ? static_cast<MissingReason>(reason) : MissingReason::none;
}

}  // namespace

void FigureLog::follow(const std::vector<ScopeFigures>& scopes) {
  for (const ScopeFigures& scope : scopes)
    for (const WindowFigures& window : scope.windows) follow(window, seen_[window.figures.source->name]);
}

// While no work is done there is nothing to say: what was said last stays.
void FigureLog::follow(const WindowFigures& window, Seen& seen) {
  const std::string& name = window.figures.source->name;
  const MissingReason reason = reason_of(window.figures);
  if (window.method != Method::none && window.method != seen.method) {
    const Method before = std::exchange(seen.method, window.method);
    if (before != Method::none)
      log::info("another method of work is the best of the window",
                {{"window", name},
                 {"before", std::string(name_of(before))},
                 {"now", std::string(name_of(window.method))}});
  }
  const bool is_silent = reason != MissingReason::none && !is_fault(reason);
  if (is_silent || reason == seen.fault) return;
  const MissingReason before = std::exchange(seen.fault, reason);
  if (reason == MissingReason::none)
    log::info("joules per FLOP is there again",
              {{"window", name}, {"was missing for", std::string(name_of(before))}});
  else
    log::warn("no joules per FLOP", {{"window", name},
                                     {"reason", std::string(name_of(reason))},
                                     {"why", std::string(explanation_of(reason))}});
}

}  // namespace flopwatt::daemon
