#include "exporters/prometheus/readings_json.h"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "tests/unit/exporters/prometheus/synthetic_snapshot.h"

using namespace flopwatt;
namespace json = boost::json;

TEST_CASE("the newest readings of every source under their MQTT keys") {
  const json::value readings = json::parse(flopwatt::prometheus::readings_json(test::synthetic_snapshot()));
  CHECK(readings.at("node") == "rack-r12");
  CHECK(readings.at("time") == "2026-11-23T12:44:01.750Z");
  const json::object& sources = readings.at("sources").as_object();
  CHECK(sources.size() == 5);

  const json::object& meter = sources.at("pdu-a").as_object();
  CHECK(meter.at("kind") == "meter");
  CHECK(meter.at("up") == true);
  CHECK(meter.at("time") == "2026-11-23T12:44:01.250Z");
  CHECK(meter.at("active_power_w") == 1201.25);
  CHECK(json::serialize(meter.at("branches").at("7")) ==
        R"({"active_power_w":6.005E2,"energy_import_wh_total":10,"current_a":2.5E0})");
  CHECK_FALSE(meter.contains("seq"));
  CHECK_FALSE(meter.contains("power_factor"));
  CHECK(sources.at("nvidia0").at("uuid") == "GPU-0");
  CHECK(sources.at("nvidia0").at("method") == "pipe");
}

TEST_CASE("a source that is stale or was never read is down, and has no values") {
  const std::string text = flopwatt::prometheus::readings_json(test::synthetic_snapshot());
  const auto has = [&](const std::string& part) { return text.find(part) != std::string::npos; };
  CHECK(has(R"("pdu-b":{"kind":"meter","up":false,"last_fault":"cannot read pdu-b: connection refused"},)"));
  CHECK(has(R"("nvidia1":{"kind":"accelerator","up":false},)"));
  CHECK(has(R"("nvidia2":{"kind":"accelerator","up":false}})"));
}

TEST_CASE("a fault of the newest poll stands beside readings that are not stale yet") {
  Snapshot snapshot;
  snapshot.node = "n";
  snapshot.taken.wall_us = test::noon_us;
  snapshot.sources = {
      test::state_of(test::set_of(test::source_of(SourceKind::meter, "m"),
                                  {{{Quantity::frequency}, 50}, {{Quantity::current, Place::n}, absent}}))};
  snapshot.sources[0].last_fault = "a \"fault\"";
  CHECK(flopwatt::prometheus::readings_json(snapshot) ==
        R"({"node":"n","time":"2026-11-23T12:44:01.250Z","sources":{"m":{"kind":"meter","up":true,)"
        R"("time":"2026-11-23T12:44:01.250Z","frequency_hz":50,"last_fault":"a \"fault\""}}})"
        "\n");
  snapshot.sources.clear();
  CHECK(flopwatt::prometheus::readings_json(snapshot) ==
        R"({"node":"n","time":"2026-11-23T12:44:01.250Z","sources":{}})"
        "\n");
}
