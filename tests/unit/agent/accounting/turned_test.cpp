// Current transformers that are turned around, seen over minutes.
#include <doctest/doctest.h>

#include "agent/accounting/turned_watch.h"
#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using Which = TurnedTransformers::Which;
using Phases = std::array<double, 3>;

namespace {

struct Watched {
  TurnedWatch watch;
  SourcePtr source;
  double now = 0;
  double import_wh = 1e6, export_wh = 10;

  Watched() {
    auto made = std::make_shared<Source>();
    made->kind = SourceKind::meter;
    made->name = "pdu-a";
    made->fields = {{{Quantity::frequency}},
                    {{Quantity::active_power}},
                    {{Quantity::active_power, Place::l1}},
                    {{Quantity::active_power, Place::l2}},
                    {{Quantity::active_power, Place::l3}},
                    {{Quantity::energy_import}},
                    {{Quantity::energy_export}}};
    source = made;
    watch.describe(*source, 0);
  }

  void read(double until, double whole, Phases phases, double interval = 1) {
    for (; now < until; now += interval) {
      (whole > 0 ? import_wh : export_wh) += std::abs(whole) * interval / 3600;
      watch.add({source,
                 model::at(now),
                 1000,
                 {50, whole, phases[0], phases[1], phases[2], std::floor(import_wh), std::floor(export_wh)}});
    }
  }
};

constexpr Phases none = {absent, absent, absent};

}  // namespace

TEST_CASE("a meter that only exports from the start is turned around, told after a minute") {
  Watched meter;
  meter.read(50, -5000, none);
  CHECK_FALSE(meter.watch.is_told());
  meter.read(70, -5000, none);
  REQUIRE(meter.watch.is_told());
  CHECK(meter.watch.figures().turned.which == Which::all);
  CHECK(meter.watch.figures().import_is_still);
  CHECK(meter.watch.figures().export_grows);
  meter.read(75, 5000, none);  // mended
  CHECK_FALSE(meter.watch.is_told());
}

TEST_CASE("who consumes at times and generates at times is not turned around") {
  Watched meter;
  meter.read(60, 5000, none);
  meter.read(1800, -5000, none);
  CHECK_FALSE(meter.watch.is_told());
  meter.read(6000, -5000, none);  // for more than an hour: no roof does that to a rack
  CHECK(meter.watch.is_told());
}

TEST_CASE("negative power beside a register of imported energy that grows is something else") {
  Watched meter;
  for (; meter.now < 300; meter.now += 1) {
    meter.import_wh += 5;
    meter.read(meter.now + 0.5, -5000, none);
  }
  CHECK_FALSE(meter.watch.is_told());
}

TEST_CASE("one of three is told by name, at long intervals within two minutes too") {
  for (const double interval : {1.0, 10.0, 30.0}) {
    CAPTURE(interval);
    Watched meter;
    meter.read(30, 5000, {1700, 1650, 1650}, interval);
    meter.read(meter.now + 115, 1700, {1700, -1650, 1650}, interval);
    REQUIRE(meter.watch.is_told());
    CHECK(meter.watch.figures().turned == TurnedTransformers{Which::some, 2});
  }
}

TEST_CASE("a load that passes through zero tells nothing") {
  Watched meter;
  for (int i = 0; i < 20; ++i) {
    meter.read(meter.now + 10, -50, none);
    meter.read(meter.now + 10, 50, none);
  }
  CHECK_FALSE(meter.watch.is_told());
}
