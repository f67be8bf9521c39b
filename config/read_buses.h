// `buses`, and what meters share with them.
#pragma once

#include <optional>

#include "config/config.h"
#include "config/yaml/finding.h"
#include "config/yaml/yaml_tree.h"

namespace flopwatt {

/// The value of a key `address` of a bus or a meter. nullopt: reported.
[[nodiscard]] std::optional<ModbusAddress> read_address(const YamlNode& node, Reporter& report);

}  // namespace flopwatt
