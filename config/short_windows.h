// Windows that what a meter's registers are known to be cannot fill with figures.
#pragma once

#include "config/config.h"
#include "config/yaml/finding.h"

namespace flopwatt {

/// Warns, at most once for each meter that gives the energy of a scope, where its `refresh`, or the step of
/// its energy register where it tells no power, is too coarse for a configured window.
void warn_short_windows(const Config& config, Reporter& report);

}  // namespace flopwatt
