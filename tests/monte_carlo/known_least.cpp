#include "tests/monte_carlo/known_least.h"

#include <array>

namespace flopwatt::monte_carlo {
namespace {

struct Known {
  std::string_view cell;
  std::array<double, 3> least;  // of windows of 20 s, 1 m, 15 m
};

constexpr std::array<Known, 1> known{{
    {"", {least_inside, least_inside, least_inside}},
}};

}  // namespace

double known_least(std::string_view cell, std::size_t length) {
  for (const Known& one : known)
    if (one.cell == cell) return one.least.at(length);
  return least_inside;
}

}  // namespace flopwatt::monte_carlo
