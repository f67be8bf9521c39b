#include "agent/accounting/work_lists.h"

#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using Work = ScopeConfig::Work;
using model::scope;

TEST_CASE("names and globs name accelerators, all is what is left") {
  const std::vector<ScopeConfig> scopes{
      scope("rest", {}, Work::all), scope("a", {}, Work::listed, {"nvidia[01]"}),
      scope("b", {}, Work::listed, {"gpu-a", "amd*"}), scope("c", {"m"}, Work::none)};
  CHECK(scope_of_accelerator(scopes, "nvidia0") == 1);
  CHECK(scope_of_accelerator(scopes, "nvidia1") == 1);
  CHECK(scope_of_accelerator(scopes, "nvidia10") == 0);
  CHECK(scope_of_accelerator(scopes, "gpu-a") == 2);
  CHECK(scope_of_accelerator(scopes, "amd7") == 2);
  CHECK(scope_of_accelerator(scopes, "gpu-b") == 0);
  CHECK_FALSE(scope_of_accelerator(std::span(scopes).subspan(1), "gpu-b"));
}

TEST_CASE("the number of the lists changes with the lists and not with their order") {
  const auto number = [](std::vector<ScopeConfig> scopes) { return lists_number(scopes, 0); };
  const double before = number({scope("r", {"a", "b"}, Work::all)});
  CHECK(before == number({scope("renamed", {"b", "a"}, Work::all)}));
  CHECK(before != number({scope("r", {"a"}, Work::all)}));
  CHECK(before != number({scope("r", {"a", "b"}, Work::none)}));
  CHECK(before != number({scope("r", {"a", "b"}, Work::listed, {"nvidia*"})}));
  CHECK(before != number({scope("r", {"a", "b"}, Work::all), scope("s", {}, Work::listed, {"nvidia0"})}));
  CHECK(before == number({scope("r", {"a", "b"}, Work::all), scope("s", {"c"}, Work::none)}));
}
