// Units that a register may be written in, and the step to the unit in which the quantity table holds the
// value.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace flopwatt {

/// held = written * factor. nullopt: the unit does not measure what `held` measures.
[[nodiscard]] std::optional<double> unit_factor(std::string_view unit, std::string_view held);

/// The units that can be converted to `held`, for messages.
[[nodiscard]] std::vector<std::string_view> units_for(std::string_view held);

}  // namespace flopwatt
