// Settings of a serial line, in a bus or in a profile.
#pragma once

#include "config/profiles/meter_profile.h"
#include "config/yaml/map_reader.h"

namespace flopwatt {

/// Keys `baud`, `parity` and `stop_bits`.
[[nodiscard]] SerialSettings read_serial(MapReader& map);

}  // namespace flopwatt
