// The shares that cells must reach.
#pragma once

#include <cstddef>
#include <string_view>

namespace flopwatt::monte_carlo {

/// The least share of windows, in per cent, whose interval must hold the truth: 88, or less where the table
/// in known_least.cpp says that the accounting is not right yet. `length`: index in window_lengths_s.
[[nodiscard]] double known_least(std::string_view cell, std::size_t length);

inline constexpr double least_inside = 88;

/// The least share of windows, in per cent, that must have a figure: 97, or less in cells where some windows
/// cannot have one.
[[nodiscard]] double known_figures(std::string_view cell, std::size_t length);

inline constexpr double least_figures = 97;

}  // namespace flopwatt::monte_carlo
