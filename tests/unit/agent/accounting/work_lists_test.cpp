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

TEST_CASE("an accelerator belongs to the innermost scope that names it") {
  const std::vector<ScopeConfig> scopes{
      model::nested(scope("rack", {}, Work::listed, {"nvidia*"}), {"server", "other"}),
      model::nested(scope("server", {}, Work::listed, {"nvidia[0-3]"}), {"board"}),
      scope("board", {}, Work::listed, {"nvidia0"}), scope("other", {}, Work::all)};
  CHECK(scope_of_accelerator(scopes, "nvidia0") == 2);
  CHECK(scope_of_accelerator(scopes, "nvidia1") == 1);
  CHECK(scope_of_accelerator(scopes, "nvidia4") == 0);  // `all` inside leaves out what is named around it
  CHECK(scope_of_accelerator(scopes, "amd0") == 3);
}
