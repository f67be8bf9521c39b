// What the windows of a cell come to.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "tests/monte_carlo/rack.h"

namespace flopwatt::monte_carlo {

/// The windows of one length. Shares in per cent of the windows that have a figure.
struct Tally {
  std::vector<Outcome> published;
  std::size_t windows = 0;  ///< in which work was done

  void add(const Outcome& outcome);
  void add(const Tally& other);
  [[nodiscard]] double inside() const;  ///< the truth lies within what is stated
  [[nodiscard]] double inside(bool is_closed) const;
  [[nodiscard]] double with_figure() const;  ///< per cent of all windows
  [[nodiscard]] double mean_uncertainty() const;
  [[nodiscard]] double bias() const;
  /// The half-width that would hold 95 % of the windows.
  [[nodiscard]] double half_width_95() const;
};

using Tallies = std::array<Tally, window_lengths_s.size()>;

[[nodiscard]] std::string table_head();
/// "-" where fewer than `fewest` windows have a figure.
[[nodiscard]] std::string table_line(const std::string& name, const Tallies& tallies);

/// With fewer windows a share says nothing and is not judged.
inline constexpr std::size_t fewest_windows = 15;

}  // namespace flopwatt::monte_carlo
