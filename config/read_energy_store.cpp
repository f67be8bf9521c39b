#include <algorithm>
#include <system_error>

#include "config/sections.h"

namespace flopwatt {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t most_windows = 16;
constexpr microseconds longest_window = hours(24 * 31);

// A window must span two readings of every source of which a scope may be made.
microseconds shortest_window(const Config& config) {
  microseconds slowest = config.interval;
  for (const MeterConfig& meter : config.meters) slowest = std::max(slowest, meter.interval);
  for (const auto& [vendor, accelerators] : config.accelerators)
    if (accelerators.enabled) slowest = std::max(slowest, accelerators.interval);
  return 2 * slowest;
}

void check_window(const Window& window, Position at, const Reading& reading) {
  const microseconds shortest = shortest_window(reading.config);
  if (window.length < shortest || window.length > longest_window)
    reading.report.error(at, "windows: " + window.text + " is out of range; write " +
                                 format_duration(shortest) + " (two of the longest interval) to " +
                                 format_duration(longest_window));
}

void read_windows(const YamlNode& node, const Reading& reading) {
  Reporter& report = reading.report;
  const std::vector<YamlNode>& items = items_of(node, "windows", report);
  if (node.is_list() && (items.empty() || items.size() > most_windows))
    report.error(node.at,
                 "windows: write 1 to " + std::to_string(most_windows) + " durations, or remove the key");
  std::vector<Window> windows;
  for (const YamlNode& item : items) {
    const std::string* text = text_of(item, "windows", report);
    if (text == nullptr) continue;
    const Parsed<microseconds> length = parse_duration(*text);
    if (!length.value) {
      report.error(item.at, "windows: '" + *text + "'; " + length.advice);
      continue;
    }
    const auto same = std::ranges::find(windows, *length.value, &Window::length);
    if (same != windows.end()) {
      report.error(item.at, "windows: " + *text + " is as long as " + same->text + "; remove one of them");
      continue;
    }
    windows.push_back({*text, *length.value});
    check_window(windows.back(), item.at, reading);
  }
  reading.config.windows = std::move(windows);
}

}  // namespace

void fit_default_windows(Config& config) {
  const microseconds shortest = shortest_window(config);
  std::erase_if(config.windows, [&](const Window& window) { return window.length < shortest; });
  if (config.windows.empty()) config.windows.push_back({format_duration(shortest), shortest});
}

void read_energy(const YamlNode& node, const Reading& reading) {
  MapReader map(node, "energy", reading.report);
  if (const YamlNode* windows = map.find("windows"))
    read_windows(*windows, reading);
  else
    fit_default_windows(reading.config);
  map.read_number("min_coverage", {0, 1}, reading.config.min_coverage);
  bool calibrate = false;
  const YamlNode* calibrate_node = map.find("calibrate");
  if (map.read_bool("calibrate", calibrate) && calibrate)
    reading.report.error(calibrate_node->at,
                         "calibrate: true is not yet supported; write false or remove the key");
  map.refuse_not_yet("carbon");
  map.refuse_not_yet("tariff");
  map.finish();
}

void read_store(const YamlNode& node, const Reading& reading) {
  StoreConfig& store = reading.config.store;
  MapReader map(node, "store", reading.report);
  std::string path;
  if (map.read_text("path", path)) {
    store.path = reading.config.file.parent_path() / path;
    std::error_code no_store_yet;
    if (std::filesystem::equivalent(store.path, reading.config.file, no_store_yet))
      reading.report.error(map.find("path")->at, "path: '" + path +
                                                     "' is this configuration itself; write the path of a "
                                                     "file that only the store uses");
  }
  map.read_size("max_size", {std::uint64_t{1} << 20, std::uint64_t{16} << 40}, store.max_size_bytes);
  map.read_duration("max_age", {seconds(10), hours(24 * 3650)}, store.max_age);
  map.read_duration("commit", {milliseconds(250), seconds(60)}, store.commit);
  map.finish();
}

}  // namespace flopwatt
