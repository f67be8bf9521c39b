#include "yaml_reader.h"

#include <algorithm>

namespace rack {
namespace {

// One term, or a list of them.
template <class F>
void each_term(const YAML::Node& node, F add) {
  if (!node) return;
  if (!node.IsSequence()) return add(node);
  for (const YAML::Node& term : node) add(term);
}

double positive_period(const YAML::Node& term) {
  const auto period = value_of<double>(term["period"]);
  if (period <= 0) fail_at(term, "a period must be above 0");
  return period;
}

void add_sine(Waveform& waveform, const YAML::Node& term) {
  expect_keys(term, {"amplitude", "period", "delay"});
  waveform.add(
      Sine{value_of<double>(term["amplitude"]), positive_period(term), value_or(term, "delay", 0.0)});
}

void add_square(Waveform& waveform, const YAML::Node& term) {
  expect_keys(term, {"low", "high", "period", "duty", "jitter", "delay"});
  waveform.add(Schedule::square({.low = value_or(term, "low", 0.0),
                                 .high = value_of<double>(term["high"]),
                                 .period = positive_period(term),
                                 .duty = value_or(term, "duty", 0.5),
                                 .jitter = value_or(term, "jitter", 0.0),
                                 .delay = value_or(term, "delay", 0.0)}));
}

void add_bursts(Waveform& waveform, const YAML::Node& term) {
  expect_keys(term, {"low", "high", "pause", "longest", "delay"});
  waveform.add(Schedule::bursts({.low = value_or(term, "low", 0.0),
                                 .high = value_of<double>(term["high"]),
                                 .pause = value_of<double>(term["pause"]),
                                 .longest = value_of<double>(term["longest"]),
                                 .delay = value_or(term, "delay", 0.0)}));
}

void add_schedule(Waveform& waveform, const YAML::Node& term) {
  expect_keys(term, {"period", "points", "delay"});
  std::vector<Knot> knots;
  for (const YAML::Node& point : term["points"]) {
    if (!point.IsSequence() || point.size() != 2) fail_at(point, "a point is [time, value]");
    knots.push_back({value_of<double>(point[0]), value_of<double>(point[1])});
  }
  waveform.add(Schedule(std::move(knots), positive_period(term), value_or(term, "delay", 0.0)));
}

}  // namespace

void fail_at(const YAML::Node& node, const std::string& what) {
  if (!node.IsDefined()) throw LoadError("a required key is missing: " + what);
  const YAML::Mark mark = node.Mark();
  throw LoadError("line " + std::to_string(mark.line + 1) + ": " + what);
}

void expect_keys(const YAML::Node& map, std::initializer_list<std::string_view> known) {
  if (!map.IsMap()) fail_at(map, "a map is expected here");
  for (const auto& entry : map) {
    const std::string& key = entry.first.Scalar();
    if (std::ranges::find(known, key) == known.end()) fail_at(entry.first, "unknown key " + key);
  }
}

Waveform waveform_of(const YAML::Node& node) {
  if (node.IsScalar()) return Waveform(value_of<double>(node));
  expect_keys(node, {"constant", "sine", "square", "bursts", "schedule"});
  Waveform waveform(value_or(node, "constant", 0.0));
  try {
    each_term(node["sine"], [&](const YAML::Node& term) { add_sine(waveform, term); });
    each_term(node["square"], [&](const YAML::Node& term) { add_square(waveform, term); });
    each_term(node["bursts"], [&](const YAML::Node& term) { add_bursts(waveform, term); });
    each_term(node["schedule"], [&](const YAML::Node& term) { add_schedule(waveform, term); });
  } catch (const std::invalid_argument& error) {
    fail_at(node, error.what());
  }
  return waveform;
}

Waveform waveform_or(const YAML::Node& map, const char* key, double fallback) {
  const YAML::Node node = map[key];
  return node ? waveform_of(node) : Waveform(fallback);
}

Latency latency_or_none(const YAML::Node& map) {
  const YAML::Node node = map["latency_ms"];
  if (!node) return {};
  if (node.IsScalar()) return {value_of<int>(node), value_of<int>(node)};
  const auto range = value_of<std::vector<int>>(node);
  if (range.size() != 2 || range[0] < 0 || range[1] < range[0])
    fail_at(node, "latency_ms is a number or [least, most]");
  return {range[0], range[1]};
}

std::vector<Entry> entries_of(const YAML::Node& node) {
  std::vector<Entry> entries;
  if (!node) return entries;
  if (node.IsSequence()) {
    for (std::size_t i = 0; i < node.size(); ++i) entries.push_back({node[i], i, false});
    return entries;
  }
  const auto count = value_of<std::size_t>(node["count"]);
  for (std::size_t i = 0; i < count; ++i) entries.push_back({node, i, true});
  return entries;
}

}  // namespace rack
