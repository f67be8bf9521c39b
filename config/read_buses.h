// Section `buses`, and the key `address` that buses and meters share.
#pragma once

#include <optional>

#include "config/config.h"
#include "config/yaml/finding.h"
#include "config/yaml/yaml_tree.h"

namespace flopwatt {

/// The value of `address` of a bus or a meter. nullopt: wrong, and reported.
[[nodiscard]] std::optional<ModbusAddress> read_address(const YamlNode& node, Reporter& report);

}  // namespace flopwatt
