#include <doctest/doctest.h>

#include "rack.h"
#include "rtu_line.h"
#include "scripted_meter.h"

using namespace flopwatt;
using namespace flopwatt::modbus_test;

namespace {

// A rack whose configuration is changed by `change` after `before` good sets of "kept".
struct Changing {
  Rack rack;
  std::size_t before = 3;
  bool changed = false;
  std::size_t sets_at_change = 0;

  /// Until `enough` is true after the change.
  bool run(const std::function<void(Config&)>& change, const std::function<bool()>& enough) {
    return rack.run_until([&, change, enough] {
      if (!changed && rack.ledger["kept"].sets.size() >= before) {
        changed = true;
        asio::post(rack.io, [this, change] {
          change(rack.config);
          sets_at_change = rack.ledger["kept"].sets.size();
          rack.driver->apply(rack.config);
        });
      }
      return changed && enough();
    });
  }
};

MeterConfig& named(Config& config, const std::string& name) {
  return *std::ranges::find(config.meters, name, &MeterConfig::name);
}

}  // namespace

TEST_CASE("what is unchanged keeps its connection, its number and its schedule") {
  Changing test;
  Rack& rack = test.rack;
  ScriptedMeter gateway(rack.io, [](const Asked& asked) { return answers(asked, asked.unit); });
  ScriptedMeter gone(rack.io, [](const Asked& asked) { return answers(asked, 1); });
  ScriptedMeter fresh(rack.io, [](const Asked& asked) { return answers(asked, 77); });
  rack.add("gone", gone.address());
  rack.add("kept", gateway.address(), 1);
  rack.add("changed", gateway.address(), 2);
  rack.add("dropped", gateway.address(), 3);
  const auto change = [&](Config& config) {
    std::erase_if(config.meters,
                  [](const MeterConfig& meter) { return meter.name == "gone" || meter.name == "dropped"; });
    named(config, "changed").unit_id = 4;
    named(config, "kept").at = {99, 1};  // it only moved within the file
    rack.add("fresh", fresh.address());
    rack.add("joined", gateway.address(), 5);
  };
  REQUIRE(test.run(change, [&] {
    return rack.ledger["fresh"].sets.size() >= 3 && rack.ledger["joined"].sets.size() >= 3 &&
           rack.ledger["changed"].sets.size() >= 3 && rack.ledger["kept"].sets.size() >= 8;
  }));
  CHECK(gateway.connections() == 1);
  CHECK(gone.connections() == 1);
  CHECK(rack.ledger.entries().size() == 7);  // four, then changed, fresh and joined
  const auto& kept = rack.ledger["kept"];
  CHECK_FALSE(kept.removed);
  CHECK(kept.skipped == 0);
  CHECK(kept.faults.empty());
  for (std::size_t i = 1; i < kept.sets.size(); ++i)
    CHECK(std::abs(kept.sets[i].time.monotonic_us - kept.sets[i - 1].time.monotonic_us - 100'000) < 100'000);
  CHECK(rack.ledger.entries()[0].removed);  // gone
  CHECK(rack.ledger.entries()[2].removed);  // the old "changed"
  CHECK(rack.ledger.entries()[3].removed);  // dropped
  CHECK(rack.ledger["changed"].sets.back().values[0] == 4);
  CHECK(rack.ledger["fresh"].sets.back().values[0] == 77);
  CHECK(rack.driver->bus_use().size() == 2);
}

TEST_CASE("a changed cycle of the bus only describes the meter anew") {
  Changing test;
  Rack& rack = test.rack;
  ScriptedMeter gateway(rack.io, [](const Asked& asked) { return answers(asked, asked.unit); });
  rack.add("kept", gateway.address(), 1);
  const auto change = [&](Config& config) {
    MeterConfig& slow = rack.add("slow", gateway.address(), 2);
    slow.pause = 1s;  // planned: two requests
    slow.interval = 10s;
    named(config, "kept").bus = "row-b";
  };
  REQUIRE(test.run(change, [&] { return rack.ledger["kept"].sets.size() >= 6; }));
  CHECK(rack.ledger["kept"].described == 1);
  CHECK(rack.ledger["kept"].source->effective_period > 2s);
  CHECK(rack.ledger["kept"].sets.back().source == rack.ledger["kept"].source);
  CHECK_FALSE(rack.ledger["kept"].removed);
}

TEST_CASE("back-off survives") {
  Changing test;
  Rack& rack = test.rack;
  ScriptedMeter gateway(rack.io,
                        [](const Asked& asked) { return asked.unit == 1 ? answers(asked, 1) : Act{}; });
  rack.add("kept", gateway.address(), 1);
  rack.add("silent", gateway.address(), 2);
  test.before = 8;
  REQUIRE(test.run([&](Config&) { rack.add("other", gateway.address(), 3); },
                   [&] { return rack.ledger["kept"].sets.size() >= 20; }));
  CHECK(rack.ledger["silent"].polls() <= 5);
  CHECK(rack.ledger["kept"].faults.empty());
}

TEST_CASE("all meters gone, and back") {
  Changing test;
  Rack& rack = test.rack;
  ScriptedMeter device(rack.io, [](const Asked& asked) { return answers(asked, 1); });
  rack.add("kept", device.address());
  const auto change = [&](Config& config) {
    const Config full = config;
    config.meters.clear();
    rack.driver->apply(config);
    CHECK(rack.driver->bus_use().empty());
    config = full;
  };
  REQUIRE(test.run(
      change, [&] { return rack.ledger.entries().size() == 2 && rack.ledger["kept"].sets.size() >= 3; }));
  CHECK(rack.ledger.entries()[0].removed);
  CHECK(device.connections() == 2);
}

TEST_CASE("a serial line that is set anew is opened when the old one is free") {
  Changing test;
  Rack& rack = test.rack;
  RtuLine line(rack.io,
               [](const Asked& asked) { return asked.unit == 2 ? Act{} : rtu_answers(asked, asked.unit); });
  rack.add("kept", line.address(), 1);
  rack.add("silent", line.address(), 2).timeout = 2s;  // under way, more often than not
  const auto change = [](Config& config) {
    for (MeterConfig& meter : config.meters) meter.serial = {.baud = 19200, .parity = Parity::even};
  };
  REQUIRE(test.run(
      change, [&] { return rack.ledger.entries().size() == 4 && rack.ledger["kept"].sets.size() >= 3; }));
  CHECK(rack.ledger["kept"].faults.empty());
}
