// The schema of `registers`: the same for a profile's file and for a meter that lists its own.
#pragma once

#include <vector>

#include "config/finding.h"
#include "config/meter_profile.h"
#include "config/yaml_tree.h"

namespace flopwatt {

/// Reads and checks a list of registers: known channels, units that fit, no register or channel twice,
/// nothing wider than `limits` allow. Bad entries are reported and left out.
[[nodiscard]] std::vector<Register> read_registers(const YamlNode& list, const ReadLimits& limits,
                                                   Reporter& report);

/// Keys `address`, `function` and `type`, as registers and `identify` share them.
struct RegisterPlace {
  std::uint16_t address = 0;
  std::uint8_t function = 3;
  Wire wire = Wire::u16;
};
class MapReader;
[[nodiscard]] std::optional<RegisterPlace> read_register_place(MapReader& map);

/// Registers of 16 bits that a type takes: 1, 2 or 4.
[[nodiscard]] std::uint16_t width_of(Wire wire);

}  // namespace flopwatt
