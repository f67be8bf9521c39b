#include "tests/monte_carlo/known_least.h"

#include <array>

namespace flopwatt::monte_carlo {
namespace {

struct Known {
  std::string_view cell;
  std::array<double, 3> least;  // of windows of 20 s, 1 m, 15 m
};

// Measured with 100 racks a cell (seed 1, 40 of them long), less 5, and grouped by cause. A line is raised
// when the accounting gets better, and goes away at 88.
constexpr std::array<Known, 2> known{{
    // Register and power are both refreshed slowly, and the bursts are shorter than that.
    {"deep bursts / slow 1 Wh and power", {81.4, least_inside, least_inside}},
    // The sensor misses most of a burst, and what power tells of bursts has to be met first.
    {"deep bursts / device counter 25/100", {82, least_inside, least_inside}},
}};

// The same, less 8.
constexpr std::array<Known, 56> with_figures{{
    {"constant / 10 Wh alone", {87, least_figures, least_figures}},
    {"ramp / 10 Wh alone", {82, least_figures, least_figures}},
    {"training / 10 Wh alone", {87, least_figures, least_figures}},
    {"training / power", {90, least_figures, least_figures}},
    {"training / slow 1 Wh, live power", {90, least_figures, least_figures}},
    {"training / slow 1 Wh, told", {90, least_figures, least_figures}},
    {"training / slow 1 Wh and power", {91, least_figures, least_figures}},
    {"bursts / 10 Wh and power", {87, least_figures, least_figures}},
    {"bursts / 10 Wh alone", {52, 86, least_figures}},
    {"bursts / 0.1 kWh and power", {90, least_figures, least_figures}},
    {"bursts / float by 0.01 kWh", {88, least_figures, least_figures}},
    {"bursts / float by 0.1 kWh", {88, 90, least_figures}},
    {"bursts / power", {86, 90, least_figures}},
    {"bursts / mean power", {85, 90, least_figures}},
    {"bursts / slow 1 Wh, live power", {89, least_figures, least_figures}},
    {"bursts / slow 1 Wh, told", {89, least_figures, least_figures}},
    {"deep bursts / 1 Wh and power", {70, 85, least_figures}},
    {"deep bursts / 1 Wh and mean power", {75, 88, least_figures}},
    {"deep bursts / 1 Wh alone", {78, 90, least_figures}},
    {"deep bursts / 10 Wh and power", {34, 57, 87}},
    {"deep bursts / 10 Wh alone", {10, 42, least_figures}},
    {"deep bursts / 0.1 kWh and power", {34, 47, 83}},
    {"deep bursts / float by 0.01 kWh", {39, 49, least_figures}},
    {"deep bursts / float by 0.1 kWh", {28, 37, 87}},
    {"deep bursts / power", {39, 50, 81}},
    {"deep bursts / mean power", {41, 62, 90}},
    {"deep bursts / slow 1 Wh, live power", {38, 73, least_figures}},
    {"deep bursts / slow 1 Wh, told", {32, 64, least_figures}},
    {"deep bursts / slow 1 Wh and power", {53, 71, 90}},
    {"deep bursts / device counter 25/100", {88, 90, least_figures}},
    {"deep bursts / device power", {38, 60, 90}},
    {"deep bursts / device power 25/100", {47, 61, 90}},
    {"square / 10 Wh alone", {86, least_figures, least_figures}},
    {"square / 0.1 kWh and power", {90, least_figures, least_figures}},
    {"square / float by 0.1 kWh", {88, least_figures, least_figures}},
    {"square / power", {84, least_figures, least_figures}},
    {"square / mean power", {89, least_figures, least_figures}},
    {"square / slow 1 Wh, told", {88, least_figures, least_figures}},
    {"square / slow 1 Wh and power", {89, 90, 90}},
    {"fast / 10 Wh alone", {86, least_figures, least_figures}},
    {"fast / 0.1 kWh and power", {89, least_figures, least_figures}},
    {"fast / float by 0.1 kWh", {90, least_figures, least_figures}},
    {"fast / power", {90, least_figures, least_figures}},
    {"fast / slow 1 Wh, live power", {90, least_figures, least_figures}},
    {"fast / slow 1 Wh, told", {90, least_figures, least_figures}},
    {"nights / 10 Wh alone", {66, 88, least_figures}},
    {"nights / slow 1 Wh, told", {90, least_figures, least_figures}},
    {"constant / lumps to 10 s", {3, least_figures, least_figures}},
    {"constant / lumps 10 to 60 s", {0, 7, least_figures}},
    {"constant / outages", {72, 60, least_figures}},
    {"training / lumps to 10 s", {9, least_figures, least_figures}},
    {"training / lumps 10 to 60 s", {0, 1, least_figures}},
    {"training / outages", {76, 64, least_figures}},
    {"nights / lumps to 10 s", {12, 57, least_figures}},
    {"nights / lumps 10 to 60 s", {0, 0, least_figures}},
    {"nights / outages", {72, 58, least_figures}},
}};

}  // namespace

double known_least(std::string_view cell, std::size_t length) {
  for (const Known& one : known)
    if (one.cell == cell) return one.least.at(length);
  return least_inside;
}

double known_figures(std::string_view cell, std::size_t length) {
  for (const Known& one : with_figures)
    if (one.cell == cell) return one.least.at(length);
  return least_figures;
}

}  // namespace flopwatt::monte_carlo
