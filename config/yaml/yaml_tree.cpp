#include "config/yaml/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>

#include "config/yaml/plain_text.h"

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

std::size_t depth_of(const YamlNode& node) {
  std::size_t inside = 0;
  for (const YamlNode& item : node.items) inside = std::max(inside, depth_of(item));
  for (const YamlEntry& entry : node.entries) inside = std::max(inside, depth_of(entry.value));
  return node.is_list() || node.is_map() ? inside + 1 : 0;
}

// Whether the quote that begins at `start` ends. The library takes the end of the file for its end, and so
// would take all keys after a forgotten quote into one value.
bool is_closed_quote(std::string_view text, std::size_t start) {
  if (start >= text.size()) return true;
  const char quote = text[start];
  if (quote != '"' && quote != '\'') return true;
  for (std::size_t at = start + 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      const bool doubled = quote == '\'' && at + 1 < text.size() && text[at + 1] == quote;
      if (!doubled) return true;
      ++at;
    }
  }
  return false;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  /// `text` is what the parser reads.
  explicit TreeBuilder(std::string_view text) : text_(text) {}

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
    if (known == anchors_.end())
      throw Refused{position_of(mark), "an alias inside its own anchor has no end"};
    check_depth(levels_.size() + depth_of(known->second), position_of(mark));
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
    if (node.quoted && !is_closed_quote(text_, static_cast<std::size_t>(std::max(mark.pos, 0))))
      throw Refused{node.at, "the quote that begins here does not end"};
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

  static void check_depth(std::size_t depth, Position at) {
    if (depth > max_yaml_depth)
      throw Refused{at, "nested deeper than " + std::to_string(max_yaml_depth) + " levels"};
  }

  void grow(std::size_t count, Position at) {
    nodes_ += count;
    if (nodes_ > max_yaml_nodes)
      throw Refused{at, "more than " + std::to_string(max_yaml_nodes) + " values; split the configuration"};
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check_tag(mark, tag);
    check_depth(levels_.size() + 1, position_of(mark));
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

  std::string_view text_;
  YamlNode root_;
  std::vector<Level> levels_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
};

// The most common reason for a syntax error that the library's message does not name.
bool indented_by_tab(const std::string& text, int line) {
  std::istringstream lines(text);
  std::string current;
  for (int number = 1; number <= line && std::getline(lines, current); ++number)
    if (number >= line - 1 && current.find('\t') < current.find_first_not_of(" \t")) return true;
  return false;
}

Position position_at(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {static_cast<int>(std::ranges::count(before, '\n')) + 1, static_cast<int>(offset - line_start) + 1};
}

// Throws Refused, and what the library throws.
YamlNode parse_one_document(const std::string& text) {
  const std::size_t bad = find_non_text(text);
  if (bad != std::string::npos)
    throw Refused{position_at(text, bad),
                  "not text in UTF-8; save the file in UTF-8, without control characters"};
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  TreeBuilder builder(text);
  parser.HandleNextDocument(builder);
  TreeBuilder second(text);
  if (parser.HandleNextDocument(second))
    throw Refused{second.take().at, "a second YAML document begins here; write everything in one"};
  return builder.take();
}

}  // namespace

std::optional<YamlNode> parse_yaml(const std::string& file_text, Reporter& report) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  const std::string text =
      file_text.substr(file_text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0);
  try {
    return parse_one_document(text);
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
