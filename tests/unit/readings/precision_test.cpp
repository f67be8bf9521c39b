#include "readings/precision.h"

#include <doctest/doctest.h>

#include <string>

using namespace flopwatt;

TEST_CASE("an assumed precision is labelled by its precision") {
  for (const auto& [precision, assumed_place] : assumed_precisions) {
    CHECK(assumed(precision) == assumed_place);
    CHECK(precision_name(assumed_place) == label_of(precision));
    CHECK(precision_name(precision) == label_of(precision));
    CHECK(label_of(assumed_place) == "assumed_" + std::string(label_of(precision)));
  }
}
