#include "exporters/prometheus/status_json.h"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "runtime/version.h"
#include "tests/unit/exporters/prometheus/synthetic_snapshot.h"

using namespace flopwatt;
namespace json = boost::json;

namespace {

std::string at(const json::value& status, std::string_view pointer) {
  return json::serialize(status.at_pointer(pointer));
}

}  // namespace

TEST_CASE("the status of a synthetic snapshot") {
  const json::value status = json::parse(flopwatt::prometheus::status_json(test::synthetic_snapshot()));
  CHECK(at(status, "/node") == "\"rack-r12\"");
  CHECK(at(status, "/version") == '"' + std::string(version) + '"');
  CHECK(at(status, "/time") == "\"2026-11-23T12:44:01.750Z\"");
  CHECK(at(status, "/ready") == "true");

  SUBCASE("sources: state, counters and the newest reading under its MQTT keys") {
    CHECK(at(status, "/sources/pdu-a/up") == "true");
    CHECK(at(status, "/sources/pdu-a/kind") == "\"meter\"");
    CHECK(at(status, "/sources/pdu-a/polls") == "100");
    CHECK(at(status, "/sources/pdu-a/skipped") == "2");
    CHECK(at(status, "/sources/pdu-a/failures") ==
          R"({"timeout":3,"crc":0,"exception":0,"protocol":0,"connection":0,"device":0})");
    CHECK(at(status, "/sources/pdu-a/reading/active_power_w") == "1.20125E3");
    CHECK(at(status, "/sources/nvidia0/reading/uuid") == "\"GPU-0\"");
  }
  SUBCASE("a stale source has its last time and fault, and no values") {
    const json::object& stale = status.at("sources").at("pdu-b").as_object();
    CHECK(json::serialize(stale.at("up")) == "false");
    CHECK(stale.at("last_reading") == "2026-11-23T12:44:01.250Z");
    CHECK(stale.at("last_fault") == "cannot read pdu-b: connection refused");
    CHECK_FALSE(stale.contains("reading"));
    CHECK_FALSE(status.at("sources").at("nvidia2").as_object().contains("last_reading"));
  }
  SUBCASE("scopes: running figures and windows with the terms of their uncertainty") {
    const json::object& scope = status.at("scopes").at("rack-r12").as_object();
    CHECK(scope.at("energy_source") == "meters");
    CHECK(scope.at("power_w") == 1201.25);
    CHECK(scope.at("unaccounted_power_w") == 890.75);
    CHECK(scope.at("energy_j_total").to_number<double>() == 5e9);
    CHECK(scope.at("device_energy_j_total").to_number<double>() == 2e9);
    const json::object& pipe = scope.at("methods").at("pipe").as_object();
    CHECK(pipe.at("flop_total") == 1.25e19);
    CHECK(pipe.at("covered_flop_total") == 1.2e19);
    CHECK(pipe.at("covered_energy_j_total").to_number<double>() == 4e9);
    const json::object& window = scope.at("windows").at("1m").as_object();
    CHECK(window.at("joules_per_flop") == 1.25e-12);
    CHECK(window.at("start") == "2026-11-23T12:43:01.250Z");
    CHECK(json::serialize(window.at("uncertainty_terms")) == R"({"meter class":2.9E-3,"sampling":1E-3})");
    CHECK(window.at("method") == "pipe");
    CHECK(window.at("methods").at("pipe").at("joules_per_flop") == 1.25e-12);
    const json::object& without = scope.at("windows").at("15m").as_object();
    CHECK_FALSE(without.contains("joules_per_flop"));
    const char* const why = "coverage: energy and work are known together over too little of the window";
    CHECK(without.at("missing").at("joules_per_flop") == why);
    CHECK(without.at("methods").at("pipe").at("missing").at("joules_per_flop") == why);
    const json::object& idle = status.at("scopes").at("bench").as_object();
    CHECK_FALSE(idle.contains("power_w"));
    CHECK_FALSE(idle.contains("methods"));
    CHECK(idle.at("parent") == "rack-r12");
  }
  SUBCASE("the drivers' sections stand behind the sources") {
    CHECK(at(status, "/buses") == R"({"row-a":{"busy_seconds":1.25E1,"units":{}}})");
    std::string keys;
    for (const auto& [key, value] : status.as_object()) keys += std::string(key) + ' ';
    CHECK(keys == "node version revision time ready config_loaded sources buses scopes store exporters ");
  }
  SUBCASE("store and exporters") {
    CHECK(at(status, "/store") == R"({"up":true,"readings":12345,"size_bytes":98304,"waiting_readings":30,)"
                                  R"("discarded_readings":0,"oldest":"2026-11-23T11:44:01.250Z"})");
    CHECK(
        at(status, "/exporters") ==
        R"({"ems":{"up":true,"delivered_readings":12000,"dropped_readings":5,"left_out_readings":7,"set_aside_readings":21,)"
        R"("backlog_readings":340,"refusals":{"not_authorized":3},"remarks":["the broker takes QoS 0 only"]}})");
  }
}
