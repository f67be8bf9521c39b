// A Monte Carlo of the accounting: does the stated uncertainty hold the truth? Random racks of each cell (a
// kind of load at a kind of meter) are metered in simulated time.
//
//   monte_carlo [--racks=N] [--long=N] [--seed=N] [--gain=uniform|normal|independent]
//               [--phase=moving|golden|fixed] [--cells=TEXT] [--least=PER_CENT|known]
//
// --racks   of each cell, 100
// --long    so many of them run 1,850 s and have windows of 15 minutes, the others 260 s; all of them
// --cells   only cells whose name has TEXT in it
// --least   exit code 1, with the names of the cells, if less than that share of a cell's windows is
//           inside. known: as known_least.cpp has it
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/monte_carlo/cell.h"
#include "tests/monte_carlo/known_least.h"
#include "tests/monte_carlo/rack.h"
#include "tests/monte_carlo/tally.h"

using namespace flopwatt::monte_carlo;

namespace {

struct Arguments {
  int racks = 100;
  int long_racks = 1'000'000;
  std::uint64_t seed = 1;
  GainModel gain = GainModel::uniform;
  PhaseModel phase = PhaseModel::moving;
  std::string cells;
  std::string least;
};

[[noreturn]] void fail(std::string_view argument) {
  std::fprintf(stderr, "monte_carlo: wrong argument %s; see tests/monte_carlo/main.cpp\n",
               std::string(argument).c_str());
  std::exit(2);
}

GainModel gain_model(const std::string& text) {
  if (text == "uniform") return GainModel::uniform;
  if (text == "normal") return GainModel::normal;
  if (text == "independent") return GainModel::independent;
  fail(text);
}

PhaseModel phase_model(const std::string& text) {
  if (text == "moving") return PhaseModel::moving;
  if (text == "golden") return PhaseModel::golden;
  if (text == "fixed") return PhaseModel::fixed;
  fail(text);
}

Arguments read_arguments(int count, char** texts) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string text = texts[i];
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) fail(text);
    const std::string key = text.substr(0, equals);
    const std::string value = text.substr(equals + 1);
    if (key == "--racks")
      arguments.racks = std::atoi(value.c_str());
    else if (key == "--long")
      arguments.long_racks = std::atoi(value.c_str());
    else if (key == "--seed")
      arguments.seed = std::strtoull(value.c_str(), nullptr, 10);
    else if (key == "--gain")
      arguments.gain = gain_model(value);
    else if (key == "--phase")
      arguments.phase = phase_model(value);
    else if (key == "--cells")
      arguments.cells = value;
    else if (key == "--least")
      arguments.least = value;
    else
      fail(text);
  }
  if (arguments.racks < 1) fail("--racks");
  return arguments;
}

// Racks do not change when cells are added or left out.
std::uint64_t seed_of(const std::string& cell, std::uint64_t seed, int rack) {
  std::uint64_t hash = 0xcbf29ce484222325ULL + seed;
  for (const char c : cell + '#' + std::to_string(rack))
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

Tallies run_cell(const Cell& cell, const Arguments& arguments) {
  Tallies tallies;
  for (int rack = 0; rack < arguments.racks; ++rack) {
    const RackOptions options{arguments.gain, arguments.phase, rack < arguments.long_racks};
    for (const Outcome& outcome : run_rack(cell, options, seed_of(cell.name, arguments.seed, rack)))
      tallies.at(outcome.length).add(outcome);
  }
  return tallies;
}

// Names the windows of the cell that hold less than they must.
void add_red(const Cell& cell, const Tallies& tallies, const std::string& least,
             std::vector<std::string>& red) {
  if (least.empty()) return;
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    const double needed = least == "known" ? known_least(cell.name, i) : std::atof(least.c_str());
    const Tally& tally = tallies.at(i);
    if (tally.published.size() < fewest_windows || tally.inside() >= needed) continue;
    std::array<char, 128> text{};
    std::snprintf(text.data(), text.size(), "%s, %d s: %.1f %% inside, %.1f needed", cell.name.c_str(),
                  window_lengths_s.at(i), tally.inside(), needed);
    red.emplace_back(text.data());
  }
}

void print_kinds(const Tallies& all) {
  for (std::size_t i = 0; i < all.size(); ++i)
    std::printf("%d s: trailing %.1f %%, closed %.1f %% inside\n", window_lengths_s.at(i),
                all.at(i).inside(false), all.at(i).inside(true));
}

}  // namespace

int main(int count, char** texts) {
  const Arguments arguments = read_arguments(count, texts);
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::string> red;
  Tallies all;
  std::printf("%s\n", table_head().c_str());
  for (const Cell& cell : all_cells()) {
    if (cell.name.find(arguments.cells) == std::string::npos) continue;
    const Tallies tallies = run_cell(cell, arguments);
    for (std::size_t i = 0; i < all.size(); ++i) {
      all.at(i).windows += tallies.at(i).windows;
      all.at(i).published.insert(all.at(i).published.end(), tallies.at(i).published.begin(),
                                 tallies.at(i).published.end());
    }
    std::printf("%s\n", table_line(cell.name, tallies).c_str());
    std::fflush(stdout);
    add_red(cell, tallies, arguments.least, red);
  }
  std::printf("%s\n", table_line("all", all).c_str());
  print_kinds(all);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
  std::printf("%.0f s\n", taken.count());
  for (const std::string& one : red) std::printf("RED %s\n", one.c_str());
  if (all.at(0).published.empty()) fail("--cells");
  return red.empty() ? 0 : 1;
}
