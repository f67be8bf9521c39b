#include "agent/accounting/usual_variance.h"

#include <doctest/doctest.h>

using namespace flopwatt::accounting;

TEST_CASE("what readings usually miss is the mean of the last hour, the largest counted twice") {
  UsualVariance usual;
  CHECK(usual.rate() == 0);
  for (int i = 0; i < 100; ++i) usual.observe(i == 50 ? 500 : 0, 1, true);
  CHECK(usual.rate() == doctest::Approx(1.2 * 2 * 500 / 100).epsilon(0.03));
  for (int i = 0; i < 4 * 3600; ++i) usual.observe(0, 1, true);
  CHECK(usual.rate() < 0.01);
}

TEST_CASE("a dropped reading is a burst for some minutes, and for good where another one comes") {
  UsualVariance usual;
  for (int i = 0; i < 100; ++i) usual.observe(0, 1, true);
  usual.observe(1000, 2, false);
  CHECK(usual.rate() > 20);
  for (int i = 0; i < 310; ++i) usual.observe(0, 1, true);
  CHECK(usual.rate() == 0);
  SUBCASE("a glitch of another size is no burst") {
    usual.observe(1e6, 2, false);
    for (int i = 0; i < 310; ++i) usual.observe(0, 1, true);
    CHECK(usual.rate() == 0);
  }
  SUBCASE("another burst") {
    usual.observe(900, 2, false);
    for (int i = 0; i < 310; ++i) usual.observe(0, 1, true);
    CHECK(usual.rate() == doctest::Approx(1.2 * 2 * 900 / 724).epsilon(0.15));
  }
}
