#include "readings/turned_transformers.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using Which = TurnedTransformers::Which;

namespace {

constexpr std::uint8_t l1 = 1, l2 = 2, l3 = 4;

TurnedTransformers turned(double whole, std::array<double, 3> phases = {absent, absent, absent}) {
  return turned_by({whole, phases});
}

}  // namespace

TEST_CASE("the signs of power say which transformers are turned around") {
  CHECK(turned(5000).which == Which::none);
  CHECK(turned(-5000).which == Which::all);
  CHECK(turned(-3).which == Which::unclear);  // noise at no load
  CHECK(turned(absent).which == Which::unclear);
  CHECK(turned(5000, {1700, 1650, 1650}).which == Which::none);
  CHECK(turned(-5000, {-1700, -1650, -1650}).which == Which::all);
  CHECK(turned(absent, {-1700, -1650, -1650}).which == Which::all);
  CHECK(turned(1600, {1700, -1650, 1650}) == TurnedTransformers{Which::some, l2});
  CHECK(turned(-1700, {-1700, 1650, -1650}) == TurnedTransformers{Which::some, l1 | l3});
  CHECK(turned(4900, {2500, 2450, -50}).which == Which::none);  // a phase without load has any sign
}

TEST_CASE("phases as magnitudes hide a turned transformer, the whole shows it") {
  CHECK(turned(5000, {2000, 1500, 1500}).which == Which::none);
  CHECK(turned(1000, {2000, 1500, 1500}) == TurnedTransformers{Which::some, l1});
  CHECK(turned(2000, {2000, 1500, 1500}).which == Which::one_of_3);  // L2 or L3
  CHECK(turned(1670, {1670, 1670, 1660}).which == Which::one_of_3);
  CHECK(turned(-5000, {2000, 1500, 1500}).which == Which::all);
  CHECK(turned(4500, {2000, 1500, 1500}).which == Which::none);  // fits no phase: nothing is known
}

TEST_CASE("what is told names the phase, the figures and the cure") {
  const std::string one = explanation_of({"pdu-a", false, {Which::some, l2}, {1700, {1700, -1650, 1650}}});
  CHECK(one.find("L2 -1.65 kW") != std::string::npos);
  CHECK(one.find("the current transformer of L2 is turned around") != std::string::npos);
  const std::string two =
      explanation_of({"pdu-a", false, {Which::some, l1 | l3}, {-1700, {-1700, 1650, -1650}}});
  CHECK(two.find("the current transformers of L1, L3 are turned around") != std::string::npos);
  const std::string all = explanation_of({"pdu-a", false, {Which::all, 0}, {-4990, {}}, true, true});
  CHECK(all.find("-4.99 kW") != std::string::npos);
  CHECK(all.find("imported energy stands still") != std::string::npos);
  CHECK(all.find("exported energy grows") != std::string::npos);
  CHECK(all.find("`invert: true`") != std::string::npos);
  const std::string branch = explanation_of({"pdu-a/7", true, {Which::all, 0}, {-350, {}}});
  CHECK(branch.find("invert") == std::string::npos);  // that is of a whole meter
  CHECK(explanation_of({"pdu-a", false, {Which::none, 0}, {5000, {}}}).empty());
}
