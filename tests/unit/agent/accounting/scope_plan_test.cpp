#include "agent/accounting/scope_plan.h"

#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;
using Entries = std::vector<EnergyEntry>;

TEST_CASE("energy comes from a scope's own meters, else from those inside, else from devices") {
  const auto plans = plan_scopes(std::vector<ScopeConfig>{
      nested(scope("site", {}, Work::none), {"facility", "annex"}),
      nested(scope("facility", {"main"}, Work::none), {"rack"}),
      nested(scope("rack", {"pdu-a", "pdu-b"}, Work::all), {"server", "board"}),
      scope("server", {"pdu-a/1", "pdu-b/1"}, Work::listed, {"nvidia0"}),
      scope("board", {}, Work::listed, {"nvidia1"}), scope("annex", {"x"}, Work::none),
      nested(scope("working", {}, Work::listed, {"amd0"}), {"metered"}),
      scope("metered", {"y"}, Work::none)});
  CHECK(plans[0].energy == Entries{{"main"}, {"x"}});
  CHECK(plans[0].inner_energy.empty());  // the sum over itself would be 1 by making
  CHECK(plans[0].parent.empty());
  CHECK(plans[0].inside == std::vector<std::size_t>{0, 1, 5, 2, 3, 4});
  CHECK(plans[1].energy == Entries{{"main"}});
  CHECK(plans[1].inner_energy == Entries{{"pdu-a"}, {"pdu-b"}});
  CHECK(plans[1].parent == "site");
  CHECK(plans[2].energy == Entries{{"pdu-a"}, {"pdu-b"}});
  CHECK(plans[2].inner_energy.empty());  // the board has no meter
  CHECK(plans[3].energy == Entries{{"pdu-a", 1}, {"pdu-b", 1}});
  CHECK(plans[3].parent == "rack");
  CHECK(plans[4].energy.empty());
  CHECK(plans[6].energy.empty());  // its own accelerator has no meter
}

TEST_CASE("a scope of scopes of which one has no meters takes its devices' own energy") {
  const auto plans = plan_scopes(std::vector<ScopeConfig>{nested(scope("rack", {}, Work::none), {"a", "b"}),
                                                          scope("a", {"m"}, Work::none),
                                                          scope("b", {}, Work::listed, {"nvidia0"})});
  CHECK(plans[0].energy.empty());
}

namespace {

ScopePlan first_of(std::vector<ScopeConfig> scopes) { return plan_scopes(scopes)[0]; }

}  // namespace

TEST_CASE("the numbers of the lists change with a scope's own lists and not with their order") {
  const ScopePlan before = first_of({scope("r", {"a", "b"}, Work::all)});
  const auto is_other = [&](std::vector<ScopeConfig> scopes) {
    const ScopePlan after = first_of(std::move(scopes));
    CHECK((after.lists != before.lists) == (after.device_lists != before.device_lists));
    return after.lists != before.lists;
  };
  CHECK_FALSE(is_other({scope("renamed", {"b", "a"}, Work::all)}));
  CHECK_FALSE(is_other({scope("r", {"a", "b"}, Work::all), scope("s", {"c"}, Work::none)}));
  CHECK(is_other({scope("r", {"a"}, Work::all)}));
  CHECK(is_other({scope("r", {"a", "b/1"}, Work::all)}));
  CHECK(is_other({scope("r", {"a", "b"}, Work::none)}));
  CHECK(is_other({scope("r", {"a", "b"}, Work::listed, {"nvidia*"})}));
  CHECK(is_other({nested(scope("r", {"a", "b"}, Work::all), {"s"}), scope("s", {"c"}, Work::none)}));
}

TEST_CASE("a change in another scope is seen where it changes the members, and only there") {
  struct Change {
    std::vector<ScopeConfig> before, after;
    bool energy, devices;
  };
  const auto rack = [](std::vector<ScopeConfig> inside) {
    std::vector<ScopeConfig> scopes{nested(scope("rack", {"a"}, Work::none), {"s", "t"})};
    scopes.insert(scopes.end(), inside.begin(), inside.end());
    return scopes;
  };
  const auto sum = [](std::vector<ScopeConfig> inside) {
    std::vector<ScopeConfig> scopes{nested(scope("sum", {}, Work::none), {"s", "t"})};
    scopes.insert(scopes.end(), inside.begin(), inside.end());
    return scopes;
  };
  const ScopeConfig s = scope("s", {"b"}, Work::listed, {"nvidia0"});
  const ScopeConfig t = scope("t", {"c"}, Work::listed, {"nvidia1"});
  const ScopeConfig more = scope("s", {"b"}, Work::listed, {"nvidia0", "nvidia2"});
  const ScopeConfig moved = scope("s", {"b"}, Work::listed, {"nvidia1"});
  const ScopeConfig to = scope("t", {"c"}, Work::listed, {"nvidia0"});
  const ScopeConfig metered = scope("s", {"d"}, Work::listed, {"nvidia0"});
  const ScopeConfig bare_s = scope("s", {}, Work::listed, {"nvidia0"});
  const ScopeConfig bare_more = scope("s", {}, Work::listed, {"nvidia0", "nvidia2"});
  const ScopeConfig all = scope("all", {"a"}, Work::all);
  for (const Change& change : std::vector<Change>{
           {rack({s, t}), rack({more, t}), false, true},         // another accelerator inside
           {rack({s, t}), rack({moved, to}), false, false},      // it moved, but stays inside
           {rack({s, t}), rack({metered, t}), false, false},     // its own meter is upstream
           {sum({s, t}), sum({metered, t}), true, false},        // it is the sum of those inside
           {sum({bare_s, t}), sum({bare_more, t}), true, true},  // it is the sum of the devices
           {{all, s}, {all, more}, false, true}}) {              // `all` is what is left
    const ScopePlan before = first_of(change.before);
    const ScopePlan after = first_of(change.after);
    CHECK((before.lists != after.lists) == change.energy);
    CHECK((before.device_lists != after.device_lists) == change.devices);
  }
}
