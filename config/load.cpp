#include "config/load.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <tuple>

#include "config/read_accelerator_table.h"
#include "config/sections.h"
#include "config/short_windows.h"
#include "config/yaml/text_file.h"

namespace flopwatt {
namespace fs = std::filesystem;
namespace {

std::string host_name() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0) return "";
  return buffer.data();
}

void read_node(MapReader& map, Config& config) {
  const YamlNode* node = map.find("node");
  if (node == nullptr) {
    config.node = host_name();
    if (!is_node_name(config.node))
      map.report().error(
          {}, "node: the host name '" + config.node + "' cannot name this node; write node: <a name>");
    return;
  }
  const std::string* text = text_of(*node, "node", map.report());
  if (text == nullptr) return;
  if (is_node_name(*text))
    config.node = *text;
  else
    map.report().error(
        node->at, "node: '" + text->substr(0, 60) +
                      "'; write letters, digits, '-', '_' and '.', the first a letter or digit, at most 128");
}

// Returns the place of `interval`, where it is written.
Position read_sampling(MapReader& map, Config& config) {
  const YamlNode* node = map.find("sampling");
  if (node == nullptr) return {};
  MapReader sampling(*node, "sampling", map.report());
  const YamlNode* interval = sampling.find("interval");
  sampling.read_duration("interval", {shortest_interval, longest_interval}, config.interval);
  sampling.finish();
  return interval == nullptr ? node->at : interval->at;
}

// A vendor's own interval where none is written.
void default_accelerator_interval(const VendorKeys& vendor, Config& config, Position sampling,
                                  Reporter& report) {
  AcceleratorConfig& accelerators = config.accelerators.find(vendor.name)->second;
  if (accelerators.interval.count() != 0) return;
  const microseconds shortest = vendor.shortest_interval;
  accelerators.interval = std::max(config.interval, shortest);
  if (accelerators.enabled && config.interval < shortest)
    report.warn(sampling, "interval: " + std::string(vendor.title) + " accelerators are read every " +
                              format_duration(shortest) + ", " + std::string(vendor.why_no_shorter) +
                              "; set accelerators." + std::string(vendor.name) + ".interval");
}

void warn_without_work(const Config& config, Reporter& report) {
  const auto has_work = [](const ScopeConfig& scope) { return scope.work != ScopeConfig::Work::none; };
  if (!config.scopes.empty() && std::ranges::none_of(config.scopes, has_work))
    report.warn(config.scopes.front().at, "no scope has work: no J/FLOP is published; add work: all to one");
}

void warn_unused_buses(const Config& config, Reporter& report) {
  for (const BusConfig& bus : config.buses) {
    const bool used = std::ranges::any_of(
        config.meters, [&](const MeterConfig& meter) { return meter.address == bus.address; });
    if (!used)
      report.warn(bus.at, "bus '" + bus.name + "' has no meter; write bus: " + bus.name + " at its meters");
  }
}

void warn_same_units(const Config& config, Reporter& report) {
  std::map<std::pair<std::string, int>, std::string> seen;
  for (const MeterConfig& meter : config.meters) {
    const auto [first, is_new] = seen.try_emplace({meter.address.text(), meter.unit_id}, meter.name);
    if (!is_new)
      report.warn(meter.at, "unit " + std::to_string(meter.unit_id) + " of " + meter.address.text() +
                                " is also the meter '" + first->second +
                                "': if both are in scopes, its energy counts twice");
  }
}

void read_root(const YamlNode& root, Loaded& loaded, Reporter& report, const DataPaths& paths,
               const Supported& supported) {
  Config& config = loaded.config;
  // An empty file is a good configuration: everything has a default.
  YamlNode empty;
  empty.kind = YamlNode::Kind::map;
  const YamlNode& top = root.kind == YamlNode::Kind::null ? empty : root;
  MapReader map(top, "the configuration", report);
  const std::vector<std::string_view> reserved = vendor_names(supported.vendors);
  UniqueNames names(reserved);
  const Reading reading{config, loaded.web_config, report, names, supported.vendors, reserved};
  ProfileLibrary profiles(paths.meter_profiles, config.file.parent_path());

  read_node(map, config);
  const Position sampling = read_sampling(map, config);
  if (const YamlNode* node = map.find("buses")) read_buses(*node, reading);
  if (const YamlNode* node = map.find("meters")) read_meters(*node, reading, profiles);
  if (const YamlNode* node = map.find("accelerators")) read_accelerators(*node, reading);
  for (const VendorKeys& vendor : supported.vendors)
    default_accelerator_interval(vendor, config, sampling, report);
  if (const YamlNode* node = map.find("work")) read_work(*node, reading);
  if (const YamlNode* node = map.find("scopes")) read_scopes(*node, reading);
  if (const YamlNode* node = map.find("energy"))
    read_energy(*node, reading);
  else
    fit_default_windows(config);
  if (const YamlNode* node = map.find("store")) read_store(*node, reading);
  if (const YamlNode* node = map.find("exporters")) read_exporters(*node, reading, supported.exporters);
  map.refuse_not_yet("peers");
  map.finish();
  if (!map.has("scopes"))
    report.warn(top.at,
                "no scopes: no J/FLOP is published; write what belongs together, as in "
                "scopes: [{name: rack, energy: [<meters>], work: all}]");
  if (report.error_count() != 0) return;  // these would only echo the errors
  warn_without_work(config, report);
  warn_unused_buses(config, report);
  warn_same_units(config, report);
  warn_short_windows(config, report);
}

void sort_findings(std::vector<Finding>& findings, const std::string& main_file) {
  std::ranges::stable_sort(findings, [&](const Finding& a, const Finding& b) {
    return std::tuple(a.file != main_file, std::string_view(a.file), a.line, a.column) <
           std::tuple(b.file != main_file, std::string_view(b.file), b.line, b.column);
  });
}

}  // namespace

bool Loaded::has_errors() const {
  return std::ranges::any_of(findings,
                             [](const Finding& one) { return one.severity == Finding::Severity::error; });
}

Loaded load_config(const fs::path& file, const DataPaths& paths, const Supported& supported) {
  Loaded loaded;
  loaded.config.file = file;
  for (const VendorKeys& vendor : supported.vendors)
    loaded.config.accelerators[std::string(vendor.name)].library = vendor.library;
  loaded.config.windows = {{"1m", std::chrono::minutes(1)}, {"15m", std::chrono::minutes(15)}};
  Reporter report(loaded.findings, file.string());
  const TextFile text = read_text_file(file, max_yaml_bytes);
  if (!text.failure.empty())
    report.error({}, "cannot read the configuration: " + text.failure);
  else if (const std::optional<YamlNode> root = parse_yaml(text.text, report))
    read_root(*root, loaded, report, paths, supported);
  loaded.accelerators = load_accelerator_table(paths.accelerators, supported.vendors, report);
  sort_findings(loaded.findings, report.file());
  return loaded;
}

}  // namespace flopwatt
