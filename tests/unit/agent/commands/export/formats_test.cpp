#include <doctest/doctest.h>

#include "agent/commands/export/csv.h"
#include "agent/commands/export/json_lines.h"
#include "agent/commands/export/openmetrics.h"
#include "tests/unit/agent/commands/export/stored_rack.h"

using namespace flopwatt;
using namespace flopwatt::commands;
using namespace flopwatt::commands::testing;

namespace {

const auto openmetrics = [](const Job& job) { return export_openmetrics(job); };

void add_site(Job& job) { job.labels = {{"site", "s\"1\""}}; }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("CSV: a header and one row a reading, to the letter") {
  const Directory directory;
  fill(*open_store(directory));
  CHECK(
      print(directory.store(), export_csv).text ==
      "time,seq,source,kind,uuid,quantity,place,value,unit,method\n"
      "2026-11-23T12:44:01.250Z,1795000000000000,pdu-a,meter,,active_power,,1201.25,W,\n"
      "2026-11-23T12:44:01.250Z,1795000000000000,pdu-a,meter,,energy_import,,1000.5,Wh,\n"
      "2026-11-23T12:44:01.250Z,1795000000000000,pdu-a,meter,,voltage,L1,230.1,V,\n"
      "2026-11-23T12:44:01.250Z,1795000000000000,pdu-a,meter,,current,7,2.5,A,\n"
      "2026-11-23T12:44:01.350Z,1795000000000001,nvidia0,accelerator,GPU-1,power,,310.5,W,\n"
      "2026-11-23T12:44:01.350Z,1795000000000001,nvidia0,accelerator,GPU-1,pipe_work,assumed_bf16,1.5e+18,"
      "FLOP,\n"
      "2026-11-23T12:44:01.350Z,1795000000000001,nvidia0,accelerator,GPU-1,work,,1.5e+18,FLOP,pipe\n"
      "2026-11-23T12:44:01.750Z,1795000000000002,rack/1m,window,,joules_per_flop,,1.25e-12,J/FLOP,pipe\n"
      "2026-11-23T12:44:01.750Z,1795000000000002,rack/1m,window,,coverage,,1,1,\n"
      "2026-11-23T12:44:02.250Z,1795000000000003,pdu-a,meter,,active_power,,1202,W,\n"
      "2026-11-23T12:44:02.250Z,1795000000000003,pdu-a,meter,,energy_import,,1000.75,Wh,\n"
      "2026-11-23T12:44:02.250Z,1795000000000003,pdu-a,meter,,current,7,2.75,A,\n"
      "2026-11-23T12:44:02.350Z,1795000000000004,nvidia0,accelerator,\"GPU,\"\"2\"\"\",power,,300,W,\n"
      "2026-11-23T12:44:02.350Z,1795000000000004,nvidia0,accelerator,\"GPU,\"\"2\"\"\",work,,0,FLOP,"
      "estimated\n"
      "2026-11-23T12:44:02.750Z,1795000000000005,rack/1m,window,,joules_per_flop,,2.5e-12,J/FLOP,estimated\n"
      "2026-11-23T12:44:02.750Z,1795000000000005,rack/1m,window,,coverage,,0.5,1,\n");
}

TEST_CASE("JSON lines: the objects of MQTT with source and kind") {
  const Directory directory;
  fill(*open_store(directory));
  CHECK(
      print(directory.store(), export_json_lines, [](Job& job) { job.until_us = noon_us + second_us; })
          .text ==
      R"({"source":"pdu-a","kind":"meter","seq":1795000000000000,"time":"2026-11-23T12:44:01.250Z",)"
      R"("active_power_w":1201.25,"energy_import_wh_total":1000.5,"voltage_l1_v":230.1,)"
      R"("branches":{"7":{"current_a":2.5}}})"
      "\n"
      R"({"source":"nvidia0","kind":"accelerator","seq":1795000000000001,"time":"2026-11-23T12:44:01.350Z",)"
      R"("uuid":"GPU-1","power_w":310.5,"flop_total":1.5e+18,"method":"pipe"})"
      "\n"
      R"({"source":"rack/1m","kind":"window","seq":1795000000000002,"start":"2026-11-23T12:43:01.750Z",)"
      R"("time":"2026-11-23T12:44:01.750Z","joules_per_flop":1.25e-12,"coverage":1,"method":"pipe"})"
      "\n");
}

TEST_CASE("OpenMetrics: families, then series, then time; the labels of the time") {
  const Directory directory;
  fill(*open_store(directory));
  const std::string text = print(directory.store(), openmetrics).text;
  CHECK(text.starts_with(
      "# TYPE flopwatt_meter_power_watts gauge\n# UNIT flopwatt_meter_power_watts watts\n"
      "# HELP flopwatt_meter_power_watts Active power that the meter measures; import is positive.\n"
      "flopwatt_meter_power_watts{meter=\"pdu-a\"} 1201.25 1795437841.25\n"
      "flopwatt_meter_power_watts{meter=\"pdu-a\"} 1202 1795437842.25\n"
      "# TYPE flopwatt_meter_energy_joules counter\n"));
  CHECK(contains(text,
                 "flopwatt_meter_energy_joules_total{meter=\"pdu-a\"} 3601800 1795437841.25\n"
                 "flopwatt_meter_energy_joules_total{meter=\"pdu-a\"} 3602700 1795437842.25\n"));
  CHECK(contains(text,
                 "flopwatt_meter_branch_current_amperes{meter=\"pdu-a\",branch=\"7\"} 2.5 1795437841.25\n"));
  CHECK(contains(
      text,
      "flopwatt_accelerator_power_watts{accelerator=\"nvidia0\",uuid=\"GPU,\\\"2\\\"\"} 300 1795437842.35\n"
      "flopwatt_accelerator_power_watts{accelerator=\"nvidia0\",uuid=\"GPU-1\"} 310.5 1795437841.35\n"));
  CHECK(contains(
      text,
      R"(flopwatt_pipe_flop_total{accelerator="nvidia0",uuid="GPU-1",precision="assumed_bf16"} 1.5e+18)"));
  CHECK(contains(text,
                 "flopwatt_scope_joules_per_flop{scope=\"rack\",window=\"1m\",method=\"estimated\"} 2.5e-12 "
                 "1795437842.75\n"
                 "flopwatt_scope_joules_per_flop{scope=\"rack\",window=\"1m\",method=\"pipe\"} 1.25e-12 "
                 "1795437841.75\n# TYPE"));
  CHECK(text.ends_with("\n# EOF\n"));
}

TEST_CASE("OpenMetrics in as many passes as a bound of memory needs is the same text") {
  const Directory directory;
  fill(*open_store(directory));
  const std::string at_once = print(directory.store(), openmetrics).text;
  for (const std::uint64_t most : {0U, 1U, 3U, 5U, 1000U}) {
    CAPTURE(most);
    CHECK(print(directory.store(), [&](const Job& job) { return export_openmetrics(job, most); }).text ==
          at_once);
  }
}

TEST_CASE("a series never goes back in time: what a set-back clock measured again is left out and counted") {
  const Directory directory;
  const auto store = open_store(directory);
  const auto source = meter();
  for (const double at : {0.0, 10.0, 5.0, 10.0, 10.0002, 10.001, 11.0})
    commit(*store, {set_of(source, at, {at, absent, absent, absent})});
  const Printed printed = print(directory.store(), openmetrics);
  CHECK(printed.losses.readings_in_the_past == 3);
  CHECK(contains(printed.text,
                 "{meter=\"pdu-a\"} 0 1795437841.25\nflopwatt_meter_power_watts{meter=\"pdu-a\"} 10 "
                 "1795437851.25\nflopwatt_meter_power_watts{meter=\"pdu-a\"} 10.001 1795437851.251\n"
                 "flopwatt_meter_power_watts{meter=\"pdu-a\"} 11 1795437852.25\n# EOF\n"));
}

TEST_CASE("what is selected: from the first moment to the one before the last") {
  const Directory directory;
  fill(*open_store(directory));
  const auto lines = [&](std::int64_t since_us, std::int64_t until_us) {
    const auto narrow = [&](Job& job) {
      job.since_us = since_us;
      job.until_us = until_us;
    };
    const std::string text = print(directory.store(), export_json_lines, narrow).text;
    CHECK(contains(print(directory.store(), openmetrics, narrow).text, " 1795437841.75\n") ==
          (since_us <= noon_us + 500'000 && until_us > noon_us + 500'000));
    return std::ranges::count(text, '\n');
  };
  CHECK(lines(noon_us, noon_us + 2 * second_us) == 6);
  CHECK(lines(noon_us + 1, noon_us + 2 * second_us) == 5);
  CHECK(lines(noon_us, noon_us + second_us) == 3);
  CHECK(lines(noon_us, noon_us + second_us + 1) == 4);
  CHECK(lines(noon_us + 5 * second_us, noon_us + 6 * second_us) == 0);
  CHECK(print(directory.store(), openmetrics, [](Job& job) { job.until_us = 0; }).text == "# EOF\n");
}

TEST_CASE("labels are added to everything") {
  const Directory directory;
  fill(*open_store(directory));
  const std::string csv = print(directory.store(), export_csv, add_site).text;
  CHECK(csv.starts_with("time,seq,source,kind,uuid,quantity,place,value,unit,method,site\n"));
  CHECK(contains(csv, ",active_power,,1201.25,W,,\"s\"\"1\"\"\"\n"));
  CHECK(contains(print(directory.store(), export_json_lines, add_site).text,
                 R"({"source":"pdu-a","kind":"meter","site":"s\"1\"","seq":)"));
  const std::string text = print(directory.store(), openmetrics, add_site).text;
  CHECK(contains(text, R"(flopwatt_meter_power_watts{meter="pdu-a",site="s\"1\""} 1201.25 )"));
  CHECK_FALSE(contains(text, "pdu-a\"}"));
}

TEST_CASE("names that the formats use themselves") {
  for (const char* name : {"meter", "phase", "lines", "branch", "accelerator", "uuid", "pipe", "precision",
                           "package", "scope", "window", "method", "le"})
    CHECK(is_series_label(name));
  CHECK_FALSE(is_series_label("site"));
  for (const char* name :
       {"source", "seq", "active_power_w", "active_power_l1_w", "voltage_l1_l2_v", "branches"})
    CHECK(is_json_key(name));
  CHECK_FALSE(is_json_key("site"));
  CHECK(is_csv_column("place"));
  CHECK_FALSE(is_csv_column("site"));
}

TEST_CASE("an empty store is a header, nothing, an end") {
  const Directory directory;
  (void)open_store(directory);
  CHECK(print(directory.store(), export_csv).text ==
        "time,seq,source,kind,uuid,quantity,place,value,unit,method\n");
  CHECK(print(directory.store(), export_json_lines).text.empty());
  CHECK(print(directory.store(), openmetrics).text == "# EOF\n");
}
