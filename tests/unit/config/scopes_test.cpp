// Nested scopes that are good, and the tree they make. The wrong ones are in wrong/scopes*.yml.
#include <doctest/doctest.h>

#include "config/load.h"
#include "config/scope_tree.h"
#include "tests/unit/config/shipped_vendors.h"
#include "tests/unit/config/wrong_files.h"

using namespace flopwatt;
namespace fs = std::filesystem;

namespace {

ScopeConfig scope(const std::string& name, std::vector<std::string> contains) {
  ScopeConfig config;
  config.name = name;
  config.contains = std::move(contains);
  return config;
}

using Indexes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("scopes inside scopes, with branches, names, globs and all across the levels") {
  const Loaded loaded =
      load_config(test::source_dir / "tests/unit/config/good/nested_scopes.yml",
                  {{test::source_dir / "config/meters"}, {test::source_dir / "config/accelerators.yml"}},
                  {test::shipped_vendors, {}});
  for (const Finding& finding : loaded.findings) MESSAGE(finding.text());
  REQUIRE(loaded.findings.empty());
  const auto& scopes = loaded.config.scopes;
  REQUIRE(scopes.size() == 6);
  CHECK(scopes[0].contains == std::vector<std::string>{"facility"});
  CHECK(scopes[1].energy == std::vector<EnergyEntry>{{"pdu-a", 1}, {"pdu-b", 1}});
  CHECK(scopes[1].work_patterns == std::vector<std::string>{"nvidia[0-3]"});
  CHECK(scopes[3].contains == std::vector<std::string>{"gpu-01", "rest"});
  CHECK(scopes[4].work == ScopeConfig::Work::all);
  const ScopeTree tree(scopes);
  CHECK(tree.outwards(2) == Indexes{2, 1, 3, 5, 0});
}

TEST_CASE("a tree of scopes knows what lies inside what") {
  const ScopeTree tree(std::vector<ScopeConfig>{scope("a", {"c", "b"}), scope("b", {"d"}), scope("c", {}),
                                                scope("d", {}), scope("e", {})});
  CHECK(tree.inside(0) == Indexes{2, 1});
  CHECK(tree.with_all_inside(0) == Indexes{0, 2, 1, 3});
  CHECK(tree.outwards(3) == Indexes{3, 1, 0});
  CHECK(tree.parent(3) == 1);
  CHECK_FALSE(tree.parent(4));
  CHECK(tree.lies_inside(3, 0));
  CHECK_FALSE(tree.lies_inside(0, 3));
  CHECK_FALSE(tree.lies_inside(3, 3));
  CHECK_FALSE(tree.lies_inside(2, 1));
}
