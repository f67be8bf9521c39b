// Units that a register may have in a file, and their factors to the held units of the quantity table.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace flopwatt {

/// held = written * factor. nullopt: the unit is of another physical quantity than `held`.
[[nodiscard]] std::optional<double> unit_factor(std::string_view unit, std::string_view held);

/// All units that convert to `held`, for messages.
[[nodiscard]] std::vector<std::string_view> units_for(std::string_view held);

}  // namespace flopwatt
