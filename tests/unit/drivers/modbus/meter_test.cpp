#include "drivers/modbus/meter.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

TEST_CASE("the source says what the configuration says") {
  MeterConfig config;
  config.name = "pdu-a";
  config.interval = 1s;
  config.feed = "A";
  config.accuracy = {0.5, 0.2, false};
  config.profile.id = "eastron-sdm630";
  config.profile.vendor = "Eastron";
  config.profile.model = "SDM630";
  config.profile.registers = {
      {{Quantity::active_power, Place::whole, 0}, 52, 4, Wire::f32, WordOrder::big, 1000, 0},
      {{Quantity::voltage, Place::l2, 0}, 2, 4, Wire::u16, WordOrder::big, 0.1, 0.5}};

  const SourcePtr source = make_source(config, 300ms);
  CHECK(source->kind == SourceKind::meter);
  CHECK(source->name == "pdu-a");
  CHECK(source->identity == Identity{.vendor = "Eastron",
                                     .model = "SDM630",
                                     .serial = "",
                                     .profile = "eastron-sdm630",
                                     .accuracy_class = "0.5",
                                     .feed = "A",
                                     .uuid = "",
                                     .pci = "",
                                     .driver = "",
                                     .energy_source = EnergySource::none});
  CHECK(source->interval == 1s);
  CHECK(source->effective_period == 1s);
  CHECK(source->accuracy == doctest::Approx(0.005));
  CHECK(source->ct_accuracy == doctest::Approx(0.002));
  CHECK(source->refresh == 0s);
  REQUIRE(source->fields.size() == 2);
  CHECK(source->fields[0] == Field{{Quantity::active_power, Place::whole, 0}, Wire::f32, 1000, 0});
  CHECK(source->fields[1] == Field{{Quantity::voltage, Place::l2, 0}, Wire::u16, 0.1, 0.5});

  CHECK(make_source(config, 5s)->effective_period == 5s);
  config.accuracy = {};
  CHECK(make_source(config, 0s)->accuracy == doctest::Approx(0.02));
  CHECK(make_source(config, 0s)->identity.accuracy_class.empty());
}

TEST_CASE("beats are at multiples of the interval, in the slot") {
  Beats beats(1s, 40ms, SteadyTime{10s});
  CHECK(beats.due() == SteadyTime{10'040ms});
  CHECK(beats.advance(SteadyTime{10'050ms}) == 0);
  CHECK(beats.due() == SteadyTime{11'040ms});
}

TEST_CASE("the first poll of a long interval does not wait for it") {
  Beats beats(60s, 20ms, SteadyTime{70s});
  CHECK(beats.due() == SteadyTime{70'020ms});
  CHECK(beats.advance(SteadyTime{70'030ms}) == 0);
  CHECK(beats.due() == SteadyTime{120'020ms});
  CHECK(beats.advance(SteadyTime{120'030ms}) == 0);
  CHECK(beats.due() == SteadyTime{180'020ms});
}

TEST_CASE("a late poll does not shift the next, one beat is made up for, more are skipped") {
  Beats beats(1s, 0ms, SteadyTime{10s});
  SUBCASE("late") {
    CHECK(beats.advance(SteadyTime{10'900ms}) == 0);
    CHECK(beats.due() == SteadyTime{11s});
  }
  SUBCASE("one beat came due: a neighbour's timeout") {
    CHECK(beats.advance(SteadyTime{11'010ms}) == 0);
    CHECK(beats.due() == SteadyTime{11s});
    CHECK(beats.advance(SteadyTime{11'020ms}) == 0);
    CHECK(beats.due() == SteadyTime{12s});
  }
  SUBCASE("three beats came due") {
    CHECK(beats.advance(SteadyTime{13'010ms}) == 2);
    CHECK(beats.due() == SteadyTime{13s});
  }
}

TEST_CASE("what is left alone is due again at a beat") {
  Beats beats(1s, 40ms, SteadyTime{10s});
  SUBCASE("later") {
    beats.defer(SteadyTime{13'500ms});
    CHECK(beats.due() == SteadyTime{14'040ms});
  }
  SUBCASE("exactly at one") {
    beats.defer(SteadyTime{13'040ms});
    CHECK(beats.due() == SteadyTime{13'040ms});
  }
  SUBCASE("never at the same beat again") {
    beats.defer(SteadyTime{10'000ms});
    CHECK(beats.due() == SteadyTime{11'040ms});
  }
}

TEST_CASE("an extra first poll that failed is repeated at a beat") {
  Beats beats(60s, 20ms, SteadyTime{70s});
  beats.defer(SteadyTime{75s});
  CHECK(beats.due() == SteadyTime{120'020ms});
}
