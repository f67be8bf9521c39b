#include "agent/daemon/findings_log.h"

#include "runtime/log.h"

namespace flopwatt::daemon {

void log_findings(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings)
    if (finding.severity == Finding::Severity::error)
      log::error(finding.text());
    else
      log::warn(finding.text());
}

}  // namespace flopwatt::daemon
