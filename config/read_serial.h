// How a serial line is set, in a bus or in a profile.
#pragma once

#include "config/map_reader.h"
#include "config/meter_profile.h"

namespace flopwatt {

/// Keys `baud`, `parity` and `stop_bits`.
[[nodiscard]] SerialSettings read_serial(MapReader& map);

}  // namespace flopwatt
