#include "config/yaml/yaml_tree.h"

#include <doctest/doctest.h>

#include <random>

using namespace flopwatt;

namespace {

struct Parse {
  std::vector<Finding> findings;
  std::optional<YamlNode> root;

  explicit Parse(const std::string& text) {
    Reporter report(findings, "f.yml");
    root = parse_yaml(text, report);
  }
};

std::size_t count(const YamlNode& node) {
  std::size_t total = 1;
  for (const YamlNode& item : node.items) total += count(item);
  for (const YamlEntry& entry : node.entries) total += count(entry.value);
  return total;
}

}  // namespace

TEST_CASE("keys, values and their places, duplicates included") {
  const Parse parse("a: 1\nb:\n  - \"x\"\n  - {c: , d: ~}\na: 2\n");
  REQUIRE(parse.root);
  const auto& entries = parse.root->entries;
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].key == "a");
  CHECK(entries[2].key == "a");
  CHECK(entries[2].at == Position{5, 1});
  CHECK(entries[2].value.at == Position{5, 4});
  const YamlNode& list = entries[1].value;
  REQUIRE(list.is_list());
  CHECK(list.items[0].quoted);
  CHECK_FALSE(entries[0].value.quoted);
  CHECK(list.items[0].at == Position{3, 5});
  CHECK(list.items[1].entries[0].value.kind == YamlNode::Kind::null);
  CHECK(list.items[1].entries[1].value.kind == YamlNode::Kind::null);
}

TEST_CASE("nothing, comments, a document mark and a byte order mark are fine") {
  for (const char* text : {"", "# only a comment\n", "---\n", "\xEF\xBB\xBF", "\n\n"}) {
    const Parse parse(text);
    REQUIRE(parse.root);
    CHECK(parse.root->kind == YamlNode::Kind::null);
    CHECK(parse.findings.empty());
  }
  CHECK(Parse("\xEF\xBB\xBFnode: \"a\"\n").root->entries.at(0).value.text == "a");
  CHECK(Parse("---\na: 1\n...\n").root->is_map());
}

TEST_CASE("an alias is what its anchor is") {
  const Parse parse("a: &x {k: v}\nb: *x\n");
  REQUIRE(parse.root);
  CHECK(parse.root->entries[1].value.entries[0].value.text == "v");
}

TEST_CASE("quotes inside quotes end where they should") {
  const Parse parse("a: 'it''s'\nb: \"say \\\"x\\\"\"\nc: \"\\\\\"\n");
  REQUIRE(parse.root);
  CHECK(parse.root->entries[0].value.text == "it's");
  CHECK(parse.root->entries[1].value.text == "say \"x\"");
  CHECK(parse.root->entries[2].value.text == "\\");
  for (const char* open : {"a: 'it''\n", "a: \"x\\\"\n", "a: '\nb: c\n", "a: \"x\nb: \\\"\n"}) {
    CAPTURE(open);
    const Parse refused(open);
    CHECK_FALSE(refused.root);
    CHECK(refused.findings.at(0).column == 4);
  }
}

TEST_CASE("aliases cannot multiply without end") {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j > 0 ? ", " : "") + before;
    text += "]\n";
  }
  const Parse parse(text);
  CHECK_FALSE(parse.root);
  REQUIRE(parse.findings.size() == 1);
  CHECK(parse.findings[0].message.find("500000") != std::string::npos);
}

TEST_CASE("aliases cannot make a deep tree of flat ones") {
  std::string text = "a0: &a0 [[[[[[[x]]]]]]]\n";
  text += "a1: &a1 [[[[[[*a0]]]]]]\na2: [[[[[[*a1]]]]]]\n";
  const Parse parse(text);
  CHECK_FALSE(parse.root);
  CHECK(parse.findings.at(0).line == 3);
}

TEST_CASE("whatever the bytes, there is a tree or one finding") {
  const std::string good =
      "node: rack\nmeters:\n  - {name: a, address: \"tcp://h\", registers: [{x: 1}, *y]}\nb: &y 'q'\nc: |\n  "
      "text\n"
      "d: >-\n  folded\n? e\n: !t f\n--- # x\n%YAML 1.2\n";
  const std::string alphabet = "{}[]:,-?&*!|>'\"%@`# \n\tax0\\~";
  std::mt19937 random(20240611);  // a fixed seed: the same texts every time
  for (int round = 0; round < 4000; ++round) {
    std::string text = good.substr(0, random() % (good.size() + 1));
    for (auto change = random() % 6; change > 0 && !text.empty(); --change)
      text[random() % text.size()] = alphabet[random() % alphabet.size()];
    CAPTURE(text);
    const Parse parse(text);
    REQUIRE(parse.findings.size() == (parse.root ? 0u : 1u));
    if (parse.root) REQUIRE(count(*parse.root) <= text.size() + 2);
  }
}
