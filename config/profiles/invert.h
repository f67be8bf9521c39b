// Current transformers that are turned around: import and export change places, powers change their sign.
#pragma once

#include <vector>

#include "config/profiles/meter_profile.h"

namespace flopwatt {

/// `registers` of a meter whose transformers are all turned around. A register of imported energy of a branch is
/// dropped: what it counts is exported energy of the branch, which is not published.
[[nodiscard]] std::vector<Register> inverted(std::vector<Register> registers);

}  // namespace flopwatt
