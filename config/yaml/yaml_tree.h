// YAML text as a tree. The tree keeps the position of every key and value, and every duplicate key; its depth
// and size are bounded. (yaml-cpp's own nodes hide duplicates, and its errors are exceptions.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/yaml/finding.h"

namespace flopwatt {

struct YamlEntry;

struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map } kind = Kind::null;
  Position at;
  std::string text;                ///< of a scalar
  bool quoted = false;             ///< "5" is text, 5 is a number
  std::vector<YamlNode> items;     ///< of a list
  std::vector<YamlEntry> entries;  ///< of a map, as written, duplicates included

  [[nodiscard]] bool is_scalar() const { return kind == Kind::scalar; }
  [[nodiscard]] bool is_list() const { return kind == Kind::list; }
  [[nodiscard]] bool is_map() const { return kind == Kind::map; }
};

struct YamlEntry {
  Position at;
  std::string key;
  YamlNode value;
};

inline constexpr std::size_t max_yaml_bytes = std::size_t{4} << 20;
inline constexpr std::size_t max_yaml_depth = 16;
inline constexpr std::size_t max_yaml_nodes = 500'000;  ///< an alias counts as many nodes as it stands for

/// The one document of `text`; an empty text is null. nullopt: reported.
[[nodiscard]] std::optional<YamlNode> parse_yaml(const std::string& text, Reporter& report);

}  // namespace flopwatt
