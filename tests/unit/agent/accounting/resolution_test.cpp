#include "agent/accounting/resolution.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::accounting;

TEST_CASE("a register's step: its scale, the float's spacing at its size, or what the source says") {
  const auto step = [](Wire wire, double scale, double resolution, double wh) {
    return resolution_of({{Quantity::energy_import}, wire, scale, resolution}, 3600).at(wh * 3600);
  };
  CHECK(step(Wire::i64, 1, 0, 5e6) == 3600);
  CHECK(step(Wire::u32, 10, 0, 5e6) == 36'000);
  CHECK(step(Wire::u32, 1, 100, 5e6) == 360'000);
  // float32 in kWh (facts on method, 5.1): 0.22 kJ at 1e3 kWh, 3.5 kJ at 1e4, 28 kJ at 1e5, 225 kJ at 1e6
  CHECK(step(Wire::f32, 1000, 0, 1e6) == doctest::Approx(220).epsilon(0.01));
  CHECK(step(Wire::f32, 1000, 0, 1e7) == doctest::Approx(3516).epsilon(0.01));
  CHECK(step(Wire::f32, 1000, 0, 1e8) == doctest::Approx(28'125).epsilon(0.01));
  CHECK(step(Wire::f32, 1000, 0, 1e9) == doctest::Approx(225'000).epsilon(0.01));
  CHECK(step(Wire::f64, 1000, 0, 1e9) < 1e-2);
}
