// Figures that must survive a restart, by name.
#pragma once

#include <map>
#include <string>

namespace flopwatt {

/// Saved in the transaction of the batch that they come from. `absent` removes one that was saved. Who keeps
/// which figures under which names is said there: agent/accounting/accounting.h,
/// agent/daemon/accelerator_numbers.h.
using Totals = std::map<std::string, double>;

}  // namespace flopwatt
