// Strict reading of a load script's YAML: a wrong key or value is a LoadError that names its line.
#pragma once

#include <yaml-cpp/yaml.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "load.h"

namespace rack {

[[noreturn]] void fail_at(const YAML::Node& node, const std::string& what);
void expect_keys(const YAML::Node& map, std::initializer_list<std::string_view> known);

template <class T>
T value_of(const YAML::Node& node) {
  try {
    return node.as<T>();
  } catch (const YAML::Exception&) {
    fail_at(node, "not a value that fits here");
  }
}

template <class T>
T value_or(const YAML::Node& map, const char* key, const T& fallback) {
  const YAML::Node node = map[key];
  return node ? value_of<T>(node) : fallback;
}

// A plain number is a constant.
Waveform waveform_of(const YAML::Node& node);
Waveform waveform_or(const YAML::Node& map, const char* key, double fallback);

// The key `latency_ms`: a number or [least, most].
Latency latency_or_none(const YAML::Node& map);

// `gpus` and `meters` are a list, or one map with a `count` that stands for so many alike.
struct Entry {
  YAML::Node node;
  std::size_t index = 0;
  bool counted = false;
};
std::vector<Entry> entries_of(const YAML::Node& node);

}  // namespace rack
