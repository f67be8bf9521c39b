#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <utility>

namespace flopwatt {
namespace {

// yaml-cpp counts from 0, and from -1 where it has no position.
Position position_of(const YAML::Mark& mark) {
  return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

// Ends the parse from inside a callback; never leaves this file.
struct Refused {
  Position at;
  std::string message;
};

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const YamlNode& item : node.items) count += count_nodes(item);
  for (const YamlEntry& entry : node.entries) count += count_nodes(entry.value);
  return count;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.at = position_of(mark);
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw Refused{position_of(mark), "an alias inside its own anchor has no end"};
    grow(count_nodes(known->second), position_of(mark));
    add(known->second, YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.at = position_of(mark);
    node.text = value;
    node.quoted = tag == "!";
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    YamlNode node;
    YAML::anchor_t anchor;
    std::optional<YamlEntry> pending;  // a key that waits for its value
  };

  static void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Refused{position_of(mark), "tags ('" + tag + "') are not used here; remove it"};
  }

  void grow(std::size_t count, Position at) {
    nodes_ += count;
    if (nodes_ > max_yaml_nodes)
      throw Refused{at, "more than " + std::to_string(max_yaml_nodes) + " values; split the configuration"};
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check_tag(mark, tag);
    if (levels_.size() >= max_yaml_depth)
      throw Refused{position_of(mark), "nested deeper than " + std::to_string(max_yaml_depth) + " levels"};
    Level level{{}, anchor, std::nullopt};
    level.node.kind = kind;
    level.node.at = position_of(mark);
    levels_.push_back(std::move(level));
  }

  void close() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    add(std::move(level.node), level.anchor);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    grow(1, node.at);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = node;
    if (levels_.empty()) {
      root_ = std::move(node);
    } else if (Level& level = levels_.back(); level.node.is_list()) {
      level.node.items.push_back(std::move(node));
    } else if (!level.pending) {
      if (!node.is_scalar()) throw Refused{node.at, "a key must be a word"};
      level.pending = YamlEntry{node.at, std::move(node.text), {}};
    } else {
      level.pending->value = std::move(node);
      level.node.entries.push_back(std::move(*level.pending));
      level.pending.reset();
    }
  }

  YamlNode root_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
};

// The commonest reason for a syntax error that the library's own words do not tell.
bool indented_by_tab(const std::string& text, int line) {
  std::istringstream lines(text);
  std::string current;
  for (int number = 1; number <= line && std::getline(lines, current); ++number)
    if (number >= line - 1 && current.find('\t') < current.find_first_not_of(" \t")) return true;
  return false;
}

}  // namespace

std::optional<YamlNode> parse_yaml(const std::string& text, Reporter& report) {
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder;
    parser.HandleNextDocument(builder);
    TreeBuilder second;
    if (parser.HandleNextDocument(second)) {
      YamlNode extra = second.take();
      report.error(extra.at, "a second YAML document begins here; write everything in one");
      return std::nullopt;
    }
    return builder.take();
  } catch (const Refused& refused) {
    report.error(refused.at, refused.message);
  } catch (const YAML::Exception& error) {
    const Position at = position_of(error.mark);
    report.error(at, "not valid YAML: " + error.msg +
                         (indented_by_tab(text, at.line) ? "; indent with spaces, not tabs" : ""));
  }
  return std::nullopt;
}

}  // namespace flopwatt
