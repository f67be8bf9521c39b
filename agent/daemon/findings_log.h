// Findings of a configuration in the log of the agent.
#pragma once

#include <vector>

#include "config/yaml/finding.h"

namespace flopwatt::daemon {

/// One line each, in their order.
void log_findings(const std::vector<Finding>& findings);

}  // namespace flopwatt::daemon
