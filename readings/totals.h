// Figures that must survive a restart, by name.
#pragma once

#include <map>
#include <string>

namespace flopwatt {

/// Saved in the transaction of the batch that changed them. `absent` removes a saved figure. The names are
/// described where they are used: agent/accounting/accounting.h, agent/daemon/accelerator_numbers.h.
using Totals = std::map<std::string, double>;

}  // namespace flopwatt
