// One random rack of a cell, metered by the accounting of the agent, against its truth.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tests/monte_carlo/cell.h"
#include "tests/monte_carlo/instruments.h"
#include "tests/monte_carlo/poll_times.h"

namespace flopwatt::monte_carlo {

inline constexpr std::array<int, 3> window_lengths_s = {20, 60, 900};

struct RackOptions {
  GainModel gain = GainModel::uniform;
  PhaseModel phase = PhaseModel::moving;
  bool is_long = true;  ///< 1,850 s and windows of all lengths; else 260 s and no window of 15 minutes
};

/// One window against the truth of the whole window.
struct Outcome {
  std::size_t length = 0;  ///< index in window_lengths_s
  bool is_closed = false;  ///< else trailing
  bool has_figure = false;
  double uncertainty = 0;
  double error = 0;  ///< published value over truth, less 1
};

/// One trailing and one closed window of each length, at random moments. Windows in which no work was done
/// are left out: they have no J/FLOP.
[[nodiscard]] std::vector<Outcome> run_rack(const Cell& cell, const RackOptions& options, std::uint64_t seed);

}  // namespace flopwatt::monte_carlo
