#include "agent/commands/read/report.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/json/parse.hpp>

#include "readings/reading_set.h"

using namespace flopwatt;
using namespace flopwatt::commands;
namespace json = boost::json;

namespace {

Field field(Quantity quantity, Place place = Place::whole, std::uint16_t branch = 0) {
  return {.channel = {quantity, place, branch}, .wire = Wire::f32};
}

SourceReport reported_meter() {
  SourceReport report;
  report.name = "pdu-a";
  report.kind = SourceKind::meter;
  report.description = "Eastron SDM630";
  const std::vector<Field> fields = {
      field(Quantity::active_power), field(Quantity::energy_import), field(Quantity::voltage, Place::l1),
      field(Quantity::voltage, Place::l1_l2), field(Quantity::active_power, Place::branch, 7)};
  report.keys = daemon::keys_of(report.kind, fields);
  report.figures = json::parse(R"({"time":"2026-11-23T12:44:01.250Z","active_power_w":2377.9,
    "energy_import_wh_total":123456789.25,"voltage_l1_v":230,
    "branches":{"7":{"active_power_w":100.5}}})")
                       .as_object();
  report.missing = {{"voltage_l1_l2_v", "exception 2: the device has no such registers"}};
  return report;
}

SourceReport reported_accelerator() {
  SourceReport report;
  report.name = "nvidia0";
  report.kind = SourceKind::accelerator;
  report.keys = daemon::keys_of(report.kind, {});
  report.figures =
      json::parse(
          R"({"time":"2026-11-23T12:44:01.250Z","power_w":700,"memory_used_bytes":85899345920,"flop_total":1.5e18,
    "method":"pipe","utilization":0.9,"temperature_c":-5})")
          .as_object();
  report.from_agent = true;
  report.age_s = 0.42;
  return report;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0, column = 0;
  for (const char c : text) {
    column = c == '\n' ? 0 : column + 1;
    widest = std::max(widest, column);
  }
  return widest;
}

}  // namespace

TEST_CASE("a meter's keys are those of its fields, an accelerator's all that there are") {
  const SourceReport pdu = reported_meter();
  REQUIRE(pdu.keys.size() == 5);
  CHECK(pdu.keys[0].text == "active_power_w");
  CHECK(pdu.keys[3].text == "voltage_l1_l2_v");
  CHECK(pdu.keys[4].text == "branches.7.active_power_w");
  const SourceReport gpu = reported_accelerator();
  for (const char* key : {"power_w", "energy_j_total", "utilization", "flop_total", "method"})
    CHECK(std::ranges::find(gpu.keys, key, &Key::text) != gpu.keys.end());
  CHECK(std::ranges::none_of(gpu.keys, [](const Key& key) { return key.text.empty(); }));
}

TEST_CASE("JSON: keys of the messages, numbers as there, and a reason for what is missing") {
  Report report;
  report.sources = {reported_meter(), reported_accelerator()};
  SourceReport down = reported_meter();
  down.name = "pdu-b";
  down.figures = {};
  down.fault = "no answer within 1000 ms";
  down.missing.clear();
  for (const Key& key : down.keys) down.missing.push_back({key.text, down.fault});
  report.sources.push_back(down);
  const std::string text = json_text(report);
  CHECK(has(text, R"("energy_import_wh_total":123456789.25,)"));
  CHECK(has(text, R"("flop_total":1.5e+18)"));
  CHECK(has(text, R"("from":"agent","age_s":0.42)"));

  const json::object sources = json::parse(text).as_object().at("sources").as_object();
  const json::object& pdu = sources.at("pdu-a").as_object();
  CHECK(pdu.at("up").as_bool());
  CHECK(pdu.at("time") == "2026-11-23T12:44:01.250Z");
  CHECK(pdu.at("branches").at("7").at("active_power_w").to_number<double>() == 100.5);
  CHECK(pdu.at("missing").as_object().size() == 1);
  CHECK_FALSE(pdu.contains("from"));
  const json::object& dead = sources.at("pdu-b").as_object();
  CHECK_FALSE(dead.at("up").as_bool());
  CHECK(dead.at("fault") == "no answer within 1000 ms");
  CHECK(dead.at("missing").as_object().size() == 5);
  CHECK_FALSE(dead.contains("time"));
  CHECK_FALSE(report.all_good());
}

TEST_CASE("table: a block a source with units, what is missing behind it, no line too wide") {
  Report report;
  report.sources = {reported_meter(), reported_accelerator()};
  report.sources[0].missing.push_back(
      {"branches.7.active_power_w",
       std::string(30, 'y') + " " + std::string(50, 'z') + " " + std::string(60, 'x')});
  report.sources[0].figures.erase("branches");
  const std::string text = table_text(report);
  CHECK(has(text, "pdu-a  meter, Eastron SDM630, 2026-11-23T12:44:01.250Z\n"));
  CHECK(has(text, "2.3779 kW\n"));
  CHECK(has(text, "123.456789 MWh\n"));
  CHECK(has(text, "230 V\n"));
  CHECK(has(text, "  missing: voltage L1-L2\n      exception 2: the device has no such registers\n"));
  CHECK(has(text, "  missing: branch 7 active power\n"));
  CHECK(has(text, "nvidia0  accelerator, from the running agent, 0.4 s old\n"));
  CHECK(has(text, "80 GiB\n"));
  CHECK(has(text, "1.5 EFLOP\n"));
  CHECK(has(text, "pipe\n"));
  CHECK(has(text, "-5 °C\n"));
  CHECK(has(text, "0.9\n"));
  CHECK(widest_line(text) <= 96);
  CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("a report is good when nothing is down and nothing kept sources from being found") {
  Report report;
  CHECK(report.all_good());
  report.sources = {reported_meter()};
  CHECK(report.all_good());
  report.troubles = {"no library"};
  CHECK_FALSE(report.all_good());
}
