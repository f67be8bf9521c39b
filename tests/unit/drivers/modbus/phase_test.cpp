// The moments of the interval at which a driver reads its meters.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "rack.h"
#include "runtime/schedule.h"
#include "scripted_meter.h"

using namespace flopwatt;
using namespace flopwatt::modbus_test;

namespace {

// A gateway with five meters that are read each 200 ms, and the units in the order in which they are asked.
struct Row {
  static constexpr std::uint8_t units = 5;
  Rack rack;
  std::vector<unsigned> asked;
  ScriptedMeter gateway{rack.io, [this](const Asked& request) {
                          asked.push_back(request.unit);
                          return answers(request, 1);
                        }};

  explicit Row(std::chrono::milliseconds pause) {
    for (std::uint8_t unit = 1; unit <= units; ++unit) {
      MeterConfig& meter = rack.add("m" + std::to_string(unit), gateway.address(), unit);
      meter.interval = 200ms;
      meter.pause = pause;
      meter.profile.registers.resize(1);
    }
  }

  // The units of each beat, in the order in which they were asked.
  std::vector<std::vector<unsigned>> read(std::size_t beats) {
    REQUIRE(rack.run_until([&] { return asked.size() >= beats * units; }));
    std::vector<std::vector<unsigned>> orders;
    for (std::size_t i = 0; i < beats; ++i)
      orders.emplace_back(asked.begin() + static_cast<std::ptrdiff_t>(i * units),
                          asked.begin() + static_cast<std::ptrdiff_t>((i + 1) * units));
    for (int unit = 1; unit <= units; ++unit) CHECK(rack.ledger["m" + std::to_string(unit)].skipped == 0);
    return orders;
  }
};

const std::vector<unsigned> in_order{1, 2, 3, 4, 5};

}  // namespace

TEST_CASE("a bus that is busy for most of the interval turns the order of its meters and not its start") {
  Row row(15ms);  // a cycle is planned to take 125 ms
  std::set<unsigned> first;
  for (std::vector<unsigned> order : row.read(15)) {
    first.insert(order.front());
    std::ranges::rotate(order, std::ranges::find(order, 1U));
    CHECK(order == in_order);
  }
  CHECK(first.size() == Row::units);
  const auto& sets = row.rack.ledger["m3"].sets;
  for (std::size_t i = 1; i < sets.size(); ++i)  // whoever is first, all are read in the 125 ms after a beat
    CHECK(std::abs(sets[i].time.monotonic_us - sets[i - 1].time.monotonic_us - 200'000) < 150'000);
}

TEST_CASE("a bus that is idle for half of the interval moves its start and not the order of its meters") {
  Row row(5ms);  // 75 ms
  for (const std::vector<unsigned>& order : row.read(15)) CHECK(order == in_order);
  const auto& sets = row.rack.ledger["m1"].sets;
  Schedule beats(200ms, slot_offset(0), Pace::moving,
                 SteadyTime(microseconds(sets[0].time.monotonic_us)) - 150ms);
  std::set<std::int64_t> fifths;
  for (const ReadingSet& set : sets) {
    const SteadyTime read(microseconds(set.time.monotonic_us));
    beats.catch_up(read);
    CHECK(read - beats.due() < 50ms);
    fifths.insert((read - SteadyTime{} - slot_offset(0)) % 200ms / 40ms);
  }
  CHECK(fifths.size() == 5);
}
