#include "agent/commands/read/scope_report.h"

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

using namespace flopwatt;
using namespace flopwatt::commands;

namespace {

const char* const told_scopes = R"({"rack":{"power_w":5000,"windows":{
  "1m":{"coverage":1,"method":"pipe","flop":6e16,"joules_per_flop":5e-12,"uncertainty":0.013},
  "15m":{"coverage":0.5,"method":"pipe","flop":4.5e17,
         "missing":{"joules_per_flop":"starting: the agent has not run for long enough to fill the window"}}}},
 "idle":{"windows":{"1m":{"coverage":1,"method":"pipe","flop":0,
         "missing":{"joules_per_flop":"no_work: no work was done in the window"}}}}})";

Config two_windows() {
  using namespace std::chrono_literals;
  Config config;
  config.windows = {{"1m", 60s}, {"15m", 900s}};
  config.min_coverage = 0.9;
  return config;
}

}  // namespace

TEST_CASE(
    "scopes of a running agent: figure with uncertainty and method, or why there is none and when it is "
    "due") {
  const auto scopes = scopes_of(boost::json::parse(told_scopes).as_object(), two_windows());
  REQUIRE(scopes.size() == 2);
  CHECK(scopes[0].name == "rack");
  CHECK(scopes[0].power_w == 5000);
  REQUIRE(scopes[0].windows.size() == 2);
  CHECK(window_text(scopes[0].windows[0]) == "1m: 5e-12 J/FLOP +-1.3 %; 1e+15 FLOP/s by pipe");
  CHECK(window_text(scopes[0].windows[1]) ==
        "15m: no J/FLOP, starting: the agent has not run for long enough to fill the window; due in 6 min; "
        "1e+15 FLOP/s by pipe");
  // Without work nothing is due.
  CHECK(window_text(scopes[1].windows[0]) ==
        "1m: no J/FLOP, no_work: no work was done in the window; 0 FLOP/s by pipe");
  CHECK_FALSE(scopes[1].power_w);
  CHECK(
      boost::json::serialize(scopes_json(scopes).at("rack").at("windows").at("15m")) ==
      R"({"flop_per_second":1E15,"method":"pipe","missing":{"joules_per_flop":"starting: the agent has not run )"
      R"(for long enough to fill the window"},"due_s":3.6E2})");
}
