#include "agent/commands/read/running_agent.h"

#include <doctest/doctest.h>

#include <array>

#include "drivers/accelerators/nvidia/vendor.h"

using namespace flopwatt;
using namespace flopwatt::commands;

namespace {

/// NVIDIA, and another one.
const std::array vendors = [] {
  std::array both = {nvidia::vendor(), nvidia::vendor()};
  both[1].keys.name = "example";
  both[1].keys.title = "Example";
  return both;
}();

const std::string status = R"({"node":"rack-r12","time":"2026-11-23T12:44:02.000Z","sources":{
  "pdu-a":{"kind":"meter","up":true,"last_reading":"2026-11-23T12:44:01.250Z",
           "reading":{"time":"2026-11-23T12:44:01.250Z","active_power_w":2500},
           "missing":{"energy_import_wh_total":"exception 2: the device has no such registers"}},
  "pdu-b":{"kind":"meter","up":false,"last_fault":"meter pdu-b: no answer within 1000 ms"},
  "nvidia0":{"kind":"accelerator","vendor":"NVIDIA","up":true,"last_reading":"2026-11-23T12:44:02.000Z",
             "reading":{"time":"2026-11-23T12:44:02.000Z","power_w":700}},
  "rack":{"kind":"work","up":true}}})";

MeterConfig meter(const std::string& name) {
  MeterConfig config;
  config.name = name;
  config.profile.registers = {{.channel = {Quantity::active_power}}, {.channel = {Quantity::energy_import}}};
  return config;
}

Config config() {
  Config result;
  result.node = "rack-r12";
  result.accelerators = {{"nvidia", {}}, {"example", {}}};
  result.meters = {meter("pdu-a"), meter("pdu-b"), meter("pdu-c")};
  return result;
}

RunningAgent running() {
  std::vector<std::string> notes;
  auto agent = parse_status(status, "127.0.0.1:10150", "rack-r12", notes);
  REQUIRE(agent);
  CHECK(notes.empty());
  return *agent;
}

}  // namespace

TEST_CASE("what a running agent polls is shown from there and not read once more") {
  Config rest = config();
  const auto reports = take_from(running(), vendors, rest);
  REQUIRE(reports.size() == 3);
  const SourceReport& a = reports[0];
  CHECK(a.name == "pdu-a");
  CHECK(a.from_agent);
  CHECK(a.up());
  CHECK(a.age_s == doctest::Approx(0.75));
  CHECK(find_figure(a.figures, "active_power_w") != nullptr);
  REQUIRE(a.missing.size() == 1);
  CHECK(a.missing[0].key == "energy_import_wh_total");
  CHECK(a.missing[0].reason == "exception 2: the device has no such registers");

  const SourceReport& b = reports[1];
  CHECK_FALSE(b.up());
  CHECK(b.fault == "meter pdu-b: no answer within 1000 ms");
  CHECK(b.missing.size() == 2);
  CHECK_FALSE(b.age_s);

  CHECK(reports[2].name == "nvidia0");
  CHECK(reports[2].kind == SourceKind::accelerator);
  CHECK_FALSE(rest.accelerators["nvidia"].enabled);
  REQUIRE(rest.meters.size() == 1);  // the agent does not know it: it is read
  CHECK(rest.meters[0].name == "pdu-c");
}

TEST_CASE("an agent without accelerators leaves them to be read, and those switched off are not shown") {
  RunningAgent agent = running();
  Config off = config();
  off.accelerators["nvidia"].enabled = false;
  CHECK(take_from(agent, vendors, off).size() == 2);
  agent.sources.erase("nvidia0");
  Config rest = config();
  CHECK(take_from(agent, vendors, rest).size() == 2);
  CHECK(rest.accelerators["nvidia"].enabled);
}

TEST_CASE("accelerators are shown and left alone by vendor") {
  RunningAgent agent = running();
  agent.sources["gpu-e"] = {{"kind", "accelerator"}, {"vendor", "Example"}, {"up", true}};
  const auto names_of = [](const std::vector<SourceReport>& reports) {
    std::vector<std::string> names;
    for (const SourceReport& report : reports)
      if (report.kind == SourceKind::accelerator) names.push_back(report.name);
    return names;
  };
  Config both = config();
  CHECK(names_of(take_from(agent, vendors, both)) == std::vector<std::string>{"nvidia0", "gpu-e"});
  CHECK_FALSE(both.accelerators["nvidia"].enabled);
  CHECK_FALSE(both.accelerators["example"].enabled);

  Config no_nvidia = config();
  no_nvidia.accelerators["nvidia"].enabled = false;
  CHECK(names_of(take_from(agent, vendors, no_nvidia)) == std::vector<std::string>{"gpu-e"});

  // What that agent does not have is read: its vendor may be switched off there.
  agent.sources.erase("gpu-e");
  Config rest = config();
  CHECK(names_of(take_from(agent, vendors, rest)) == std::vector<std::string>{"nvidia0"});
  CHECK(rest.accelerators["example"].enabled);
}

TEST_CASE("another node's agent, and whatever else answers, is told and not used") {
  std::vector<std::string> notes;
  CHECK_FALSE(parse_status(status, "127.0.0.1:10150", "rack-r13", notes));
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("rack-r12") != std::string::npos);
  for (const char* wrong : {"", "hello", "[]", "{}", R"({"sources":[]})", R"({"node":"rack-r12"})"})
    CHECK_FALSE(parse_status(wrong, "127.0.0.1:10150", "rack-r12", notes));
  CHECK(notes.size() == 7);
}
