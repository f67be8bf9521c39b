// A meter's own registers beside those of a profile, or of a SunSpec device.
#pragma once

#include <vector>

#include "config/profiles/meter_profile.h"

namespace flopwatt {

/// `own` takes the place of the register of the same quantity, or comes after all of them.
void put_register(std::vector<Register>& registers, Register own);

}  // namespace flopwatt
