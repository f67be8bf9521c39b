// A Monte Carlo of the accounting: does the stated uncertainty hold the truth? Random racks of each cell (a
// kind of load at a kind of meter) are metered in simulated time.
//
//   monte_carlo [--racks=N] [--long=N] [--seed=N] [--gain=MODEL[,MODEL...]]
//               [--phase=moving|golden|fixed] [--cells=TEXT] [--least=PER_CENT|known]
//               [--figures=PER_CENT|known] [--again=N]
//
// --racks    of each cell, 100
// --long     so many of them run 1,850 s and have windows of 15 minutes, the others 260 s; all of them
// --gain     errors of the meters' gain: uniform within the half-width, normal with a third of it as
//            deviation, or independent of meter to meter. The first model is judged, more are reported.
// --cells    only cells whose name has TEXT in it
// --least    exit code 1, with the names of the cells, if less than that share of a cell's windows is
//            inside. known: as known_least.cpp has it
// --figures  the same, if less than that share of a cell's windows has a figure
// --again    a red cell is drawn again with so many racks, of another seed; it is red if it is so again
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/monte_carlo/arguments.h"
#include "tests/monte_carlo/cell.h"
#include "tests/monte_carlo/known_least.h"
#include "tests/monte_carlo/rack.h"
#include "tests/monte_carlo/tally.h"

using namespace flopwatt::monte_carlo;

namespace {

using Red = std::vector<std::string>;

// Racks do not change when cells are added or left out.
std::uint64_t seed_of(const std::string& cell, std::uint64_t seed, int rack) {
  std::uint64_t hash = 0xcbf29ce484222325ULL + seed;
  for (const char c : cell + '#' + std::to_string(rack))
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

Tallies run_cell(const Cell& cell, GainModel gain, const Arguments& arguments) {
  Tallies tallies;
  for (int rack = 0; rack < arguments.racks; ++rack) {
    const RackOptions options{gain, arguments.phase, rack < arguments.long_racks};
    for (const Outcome& outcome : run_rack(cell, options, seed_of(cell.name, arguments.seed, rack)))
      tallies.at(outcome.length).add(outcome);
  }
  return tallies;
}

void add_if_less(const Cell& cell, std::size_t length, double share, double needed, const char* what,
                 Red& red) {
  if (share >= needed) return;
  std::array<char, 128> text{};
  std::snprintf(text.data(), text.size(), "%s, %d s: %.1f %% %s, %.1f needed", cell.name.c_str(),
                window_lengths_s.at(length), share, what, needed);
  red.emplace_back(text.data());
}

// The windows of the cell that hold less than they must, or have fewer figures.
Red red_of(const Cell& cell, const Tallies& tallies, const Arguments& arguments) {
  Red red;
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    const Tally& tally = tallies.at(i);
    if (!arguments.least.empty() && tally.published.size() >= fewest_windows)
      add_if_less(cell, i, tally.inside(),
                  arguments.least == "known" ? known_least(cell.name, i) : std::atof(arguments.least.c_str()),
                  "inside", red);
    if (!arguments.figures.empty() && tally.windows >= fewest_windows)
      add_if_less(
          cell, i, tally.with_figure(),
          arguments.figures == "known" ? known_figures(cell.name, i) : std::atof(arguments.figures.c_str()),
          "have a figure", red);
  }
  return red;
}

// Another draw of a cell that is red: was it chance?
Red red_again(const Cell& cell, GainModel gain, Arguments arguments) {
  arguments.racks = arguments.racks_again;
  ++arguments.seed;
  const Tallies tallies = run_cell(cell, gain, arguments);
  std::printf("%s\n", table_line(cell.name + ", again", tallies).c_str());
  return red_of(cell, tallies, arguments);
}

void print_kinds(const Tallies& all) {
  for (std::size_t i = 0; i < all.size(); ++i)
    std::printf("%d s: trailing %.1f %%, closed %.1f %% inside\n", window_lengths_s.at(i),
                all.at(i).inside(false), all.at(i).inside(true));
}

Red run_all(GainModel gain, const Arguments& arguments, bool is_judged) {
  Red red;
  Tallies all;
  std::printf("%s gain%s\n%s\n", std::string(name_of(gain)).c_str(), is_judged ? "" : ", reported only",
              table_head().c_str());
  for (const Cell& cell : all_cells()) {
    if (cell.name.find(arguments.cells) == std::string::npos) continue;
    const Tallies tallies = run_cell(cell, gain, arguments);
    for (std::size_t i = 0; i < all.size(); ++i) all.at(i).add(tallies.at(i));
    std::printf("%s\n", table_line(cell.name, tallies).c_str());
    std::fflush(stdout);
    Red of_cell = is_judged ? red_of(cell, tallies, arguments) : Red{};
    if (!of_cell.empty() && arguments.racks_again > 0) of_cell = red_again(cell, gain, arguments);
    red.insert(red.end(), of_cell.begin(), of_cell.end());
  }
  std::printf("%s\n", table_line("all", all).c_str());
  print_kinds(all);
  if (all.at(0).published.empty()) fail_argument("--cells");
  return red;
}

}  // namespace

int main(int count, char** texts) {
  const Arguments arguments = read_arguments(count, texts);
  const auto began = std::chrono::steady_clock::now();
  Red red;
  for (std::size_t i = 0; i < arguments.gains.size(); ++i) {
    const Red of_run = run_all(arguments.gains.at(i), arguments, i == 0);
    red.insert(red.end(), of_run.begin(), of_run.end());
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  std::printf("%.0f s\n", taken.count());
  for (const std::string& one : red) std::printf("RED %s\n", one.c_str());
  return red.empty() ? 0 : 1;
}
