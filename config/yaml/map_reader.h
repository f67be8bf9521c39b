// Strict reading of one map. Keys are read by name; a key that nobody reads is a fault. The read_...
// functions report a bad value and leave the default in place. They return whether a good value was there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml/finding.h"
#include "config/yaml/parse_values.h"
#include "config/yaml/yaml_tree.h"

namespace flopwatt {

template <class T>
struct Range {
  T low;
  T high;
};

/// Keys must be literals: the reader keeps views of them. Node and reporter must outlive the reader.
class MapReader {
 public:
  /// `what` names the map in messages: "a meter". Reports a node that is no map, and duplicate keys.
  MapReader(const YamlNode& node, std::string what, Reporter& report);

  [[nodiscard]] Position at() const { return node_.at; }
  [[nodiscard]] Reporter& report() const { return report_; }

  /// Whether the key is written. Does not count as reading the key.
  [[nodiscard]] bool has(std::string_view key) const { return entry_of(key) != nullptr; }
  /// The value of that key; nullptr: missing, or empty and reported.
  [[nodiscard]] const YamlNode* find(std::string_view key);
  /// As find(), and reports a missing key.
  [[nodiscard]] const YamlNode* require(std::string_view key);
  /// Reports the key, if written, as not yet supported.
  void refuse_not_yet(std::string_view key, std::string_view advice = "remove it");
  /// Reports the key, if written, with the reason.
  void refuse(std::string_view key, std::string_view reason);

  bool read_text(std::string_view key, std::string& out);
  bool read_bool(std::string_view key, bool& out);
  bool read_duration(std::string_view key, Range<microseconds> range, microseconds& out);
  bool read_size(std::string_view key, Range<std::uint64_t> range, std::uint64_t& out);
  bool read_integer(std::string_view key, Range<std::int64_t> range, std::int64_t& out);
  bool read_number(std::string_view key, Range<double> range, double& out);

  /// Reports every key that was not read. Call last.
  void finish();

 private:
  [[nodiscard]] const YamlEntry* entry_of(std::string_view key) const;

  const YamlNode& node_;
  std::string what_;
  Reporter& report_;
  std::vector<std::string_view> known_;    // read: what a suggestion may offer
  std::vector<std::string_view> refused_;  // there and reported; never offered
};

/// `off` or `false`, as it stands in YAML.
[[nodiscard]] bool is_off(const YamlNode& node);

/// The text of a scalar; nullptr: reported.
[[nodiscard]] const std::string* text_of(const YamlNode& node, std::string_view key, Reporter& report);

[[nodiscard]] std::optional<std::int64_t> integer_of(const YamlNode& node, std::string_view key,
                                                     Reporter& report);

/// The items of a list; empty: no list, and reported.
[[nodiscard]] const std::vector<YamlNode>& items_of(const YamlNode& node, std::string_view key,
                                                    Reporter& report);

}  // namespace flopwatt
