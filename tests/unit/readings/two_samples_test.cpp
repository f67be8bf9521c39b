#include "readings/two_samples.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace flopwatt;

namespace {

constexpr Channel import_of_whole{Quantity::energy_import};

// A meter of a constant load, whose register is in `unit_wh` and counts in steps of `step` units.
struct Meter {
  SourcePtr source;
  double watts = 5000;
  double told_watts = 5000;
  double unit_wh = 1, told_unit_wh = 1, step = 1;
  double start_wh = 4'485'600;

  explicit Meter(Field energy) {
    auto made = std::make_shared<Source>();
    made->kind = SourceKind::meter;
    made->fields = {{{Quantity::active_power}, Wire::f32, 1, 0}, energy};
    source = made;
  }

  [[nodiscard]] ReadingSet at(double t) const {
    const double wh = start_wh + watts * t / 3600;
    const double units = std::floor(wh / unit_wh / step) * step;
    return {source, {0, static_cast<std::int64_t>(t * 1e6)}, 0, {told_watts, units * told_unit_wh}};
  }
  [[nodiscard]] ComparedSamples after(double seconds) const {
    return compare_samples(at(100.3), at(100.3 + seconds));
  }
  [[nodiscard]] std::string told(double seconds) const {
    const auto compared = after(seconds);
    return compared.contradictions.empty() ? "" : compared.contradictions.front();
  }
};

Meter in_wh() { return Meter({import_of_whole, Wire::u32, 1, 0}); }

bool says_so(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a second sample comes after three steps of the register, 2 to 10 s") {
  Meter meter = in_wh();
  CHECK(*seconds_to_compare(meter.at(0)) == doctest::Approx(2.16));
  meter.told_watts = 50'000;
  CHECK(*seconds_to_compare(meter.at(0)) == 2);
  meter.told_watts = 100;
  CHECK(*seconds_to_compare(meter.at(0)) == 10);
  meter.told_watts = absent;
  CHECK_FALSE(seconds_to_compare(meter.at(0)));
}

TEST_CASE("a register that agrees with power is told nothing, however it counts") {
  for (const Wire wire : {Wire::u32, Wire::f32}) {
    for (const double step : {0.001, 1.0, 10.0, 1000.0}) {
      for (const double watts : {40.0, 400.0, 5000.0, 100'000.0}) {
        CAPTURE(step);
        CAPTURE(watts);
        // A float in kWh, as most are; an integer says its step.
        Meter meter({import_of_whole, wire, wire == Wire::f32 ? 1000 : step, 0});
        meter.step = step;
        meter.watts = meter.told_watts = watts;
        for (double seconds = 2; seconds <= 10.5; seconds += 0.4) CHECK(meter.told(seconds).empty());
      }
    }
  }
}

TEST_CASE("a register that the meter renews each minute may move by a minute's energy between two samples") {
  const Meter meter = in_wh();
  const ReadingSet first = meter.at(59.9);
  ReadingSet later = meter.at(119.9);
  later.time = meter.at(64.9).time;
  CHECK(compare_samples(first, later).contradictions.empty());
}

TEST_CASE("a unit that is wrong by 1000 is told, with both figures and the cure") {
  SUBCASE("kWh for Wh") {
    Meter meter({import_of_whole, Wire::u32, 1000, 0});
    meter.told_unit_wh = 1000;
    CHECK(says_so(meter.told(10), "Is its unit Wh where kWh is configured"));
    CHECK(says_so(meter.told(10), "over 10 s the energy register tells 14 kWh, the power readings 13.9 Wh"));
  }
  SUBCASE("kWh for Wh, a float") {
    Meter meter({import_of_whole, Wire::f32, 1000, 0});
    meter.told_unit_wh = 1000;
    CHECK(says_so(meter.told(10), "Is its unit Wh where kWh is configured"));
  }
  SUBCASE("kW for W") {
    Meter meter = in_wh();
    meter.told_watts = 5e6;
    CHECK(says_so(meter.told(10), "its power W where kW is"));
  }
  SUBCASE("one step may explain it: not yet told") {
    Meter meter({import_of_whole, Wire::u32, 1000, 0});
    meter.told_unit_wh = 1000;
    meter.watts = meter.told_watts = 300;
    CHECK(meter.told(9).empty());
    CHECK(meter.after(9).is_open);
    CHECK_FALSE(meter.told(60).empty());
  }
}

TEST_CASE("swapped words are told, of the register and of power") {
  Meter meter = in_wh();
  meter.told_unit_wh = 65536;
  CHECK(says_so(meter.told(10), "Are the words of the energy register swapped"));
  Meter power = in_wh();
  power.told_watts = -6.5e-22;
  CHECK(says_so(power.told(10), "word_order"));
}

TEST_CASE("a frozen register is told where its step is known, after 10 s") {
  Meter meter = in_wh();
  meter.watts = 0;
  CHECK(says_so(meter.told(10), "has not moved, while power tells 13.9 Wh"));
  CHECK(meter.told(3).empty());
  CHECK(meter.after(3).is_open);
  Meter floating({import_of_whole, Wire::f32, 1000, 0});  // may count in steps of 1 kWh
  floating.watts = 0;
  CHECK(floating.told(10).empty());
  auto slow = std::make_shared<Source>(*meter.source);
  slow->refresh = std::chrono::seconds(30);
  meter.source = slow;
  CHECK(meter.told(10).empty());
}

TEST_CASE("a turned transformer is told from two samples, of a branch by its number") {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::meter;
  source->fields = {{{Quantity::active_power}},
                    {{Quantity::active_power, Place::branch, 7}},
                    {{Quantity::energy_import}},
                    {{Quantity::energy_export}}};
  const ReadingSet first{source, {0, 0}, 0, {-5000, 400, 1000, 2000}};
  CHECK(seconds_to_compare(first));
  const auto all = compare_samples(first, {source, {0, 3'000'000}, 0, {-5000, 400, 1000, 2004}});
  REQUIRE(all.contradictions.size() == 1);
  CHECK(says_so(all.contradictions.front(), "invert: true"));
  const auto branch = compare_samples({source, {0, 0}, 0, {5000, -400, 1000, 2000}},
                                      {source, {0, 3'000'000}, 0, {5000, -400, 1004, 2000}});
  REQUIRE(branch.contradictions.size() == 1);
  CHECK(branch.contradictions.front().starts_with("branch 7: "));
  const auto now_and_then = compare_samples(first, {source, {0, 3'000'000}, 0, {5000, 400, 1004, 2000}});
  CHECK(now_and_then.contradictions.empty());
}
