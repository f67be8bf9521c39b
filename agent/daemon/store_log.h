// What the log says of the store.
#pragma once

#include <vector>

#include "agent/store/store.h"

namespace flopwatt::daemon {

/// One line for each: how many reading sets cannot be read any more, which, and why.
void log_unreadable(const std::vector<store::UnreadableSets>& unreadable);

}  // namespace flopwatt::daemon
