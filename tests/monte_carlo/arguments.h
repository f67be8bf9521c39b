// The command line of the Monte Carlo.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/monte_carlo/instruments.h"
#include "tests/monte_carlo/poll_times.h"

namespace flopwatt::monte_carlo {

struct Arguments {
  int racks = 100;
  int long_racks = 1'000'000;
  int racks_again = 0;  ///< of a red cell; 0: it is red at once
  std::uint64_t seed = 1;
  std::vector<GainModel> gains = {GainModel::uniform};  ///< the first is judged
  PhaseModel phase = PhaseModel::moving;
  std::string cells;
  std::string least;    ///< per cent of windows inside, or "known"
  std::string figures;  ///< per cent of windows with a figure, or "known"
};

/// Ends the program where an argument is wrong.
[[nodiscard]] Arguments read_arguments(int count, char** texts);
[[noreturn]] void fail_argument(const std::string& argument);

}  // namespace flopwatt::monte_carlo
