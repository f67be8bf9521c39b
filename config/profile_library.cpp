#include "config/profile_library.h"

#include <system_error>

#include "config/map_reader.h"
#include "config/nearest.h"
#include "config/read_registers.h"
#include "config/text_file.h"

namespace flopwatt {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view suffix = ".yml";

bool is_path(std::string_view name) { return name.find('/') != name.npos || name.ends_with(suffix); }

std::vector<std::string> read_sentences(MapReader& map, std::string_view key, const YamlNode* node) {
  std::vector<std::string> sentences;
  if (node == nullptr) return sentences;
  for (const YamlNode& item : items_of(*node, key, map.report()))
    if (const std::string* text = text_of(item, key, map.report())) sentences.push_back(*text);
  return sentences;
}

IdentifyingRegister read_identifying(const YamlNode& node, Reporter& report) {
  MapReader map(node, "an entry of identify", report);
  IdentifyingRegister result;
  if (const auto place = read_register_place(map)) {
    result.address = place->address;
    result.function = place->function;
    result.wire = place->wire;
  }
  std::int64_t expected = 0;
  if (map.read_integer("expected", {INT64_MIN, INT64_MAX}, expected)) result.expected = {expected};
  map.read_text("meaning", result.meaning);
  map.finish();
  return result;
}

}  // namespace

std::map<std::string, fs::path> find_profiles(const std::vector<fs::path>& directories) {
  std::map<std::string, fs::path> files;
  for (const fs::path& directory : directories) {
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
      if (entry->path().extension() == suffix)
        files.try_emplace(entry->path().stem().string(), entry->path());
  }
  return files;
}

ReadLimits read_limits(const YamlNode& node, Reporter& report) {
  MapReader map(node, "limits", report);
  ReadLimits limits;
  std::int64_t max_registers = limits.max_registers;
  std::int64_t max_hole = limits.max_hole;
  map.read_integer("max_registers", {1, 125}, max_registers);
  map.read_integer("max_hole", {0, 124}, max_hole);
  map.read_bool("even", limits.even);
  map.finish();
  limits.max_registers = static_cast<std::uint16_t>(max_registers);
  limits.max_hole = static_cast<std::uint16_t>(max_hole);
  return limits;
}

std::optional<MeterProfile> read_profile(const std::string& text, const std::string& id, Reporter& report) {
  const std::optional<YamlNode> root = parse_yaml(text, report);
  if (!root) return std::nullopt;
  const std::size_t errors_before = report.error_count();
  MapReader map(*root, "a meter profile", report);
  MeterProfile profile;
  profile.id = id;
  if (map.require("vendor") != nullptr) map.read_text("vendor", profile.vendor);
  if (map.require("model") != nullptr) map.read_text("model", profile.model);
  if (map.require("confidence") != nullptr) map.read_text("confidence", profile.confidence);
  profile.sources = read_sentences(map, "sources", map.require("sources"));
  profile.quirks = read_sentences(map, "quirks", map.find("quirks"));
  if (const YamlNode* limits = map.find("limits")) profile.limits = read_limits(*limits, report);
  if (const YamlNode* identify = map.find("identify"))
    for (const YamlNode& item : items_of(*identify, "identify", report))
      profile.identify.push_back(read_identifying(item, report));
  if (const YamlNode* registers = map.require("registers"))
    profile.registers = read_registers(*registers, profile.limits, report);
  map.finish();
  if (report.error_count() != errors_before) return std::nullopt;
  return profile;
}

std::optional<fs::path> ProfileLibrary::locate(const std::string& name) const {
  std::error_code error;
  if (is_path(name)) {
    const fs::path path = beside_ / name;  // an absolute name stays as it is
    return fs::exists(path, error) ? std::optional(path) : std::nullopt;
  }
  for (const fs::path& directory : directories_) {
    const fs::path path = directory / (name + std::string(suffix));
    if (fs::exists(path, error)) return path;
  }
  return std::nullopt;
}

std::string ProfileLibrary::missing_advice(const std::string& name) const {
  if (is_path(name)) return "no file " + (beside_ / name).lexically_normal().string();
  std::string message = "no profile '" + name + "' in";
  for (const fs::path& directory : directories_)
    message += (&directory == &directories_.front() ? " " : ", ") + directory.string();
  const auto files = find_profiles(directories_);
  std::vector<std::string_view> ids;
  for (const auto& [id, path] : files) ids.push_back(id);
  const std::string_view near = nearest_word(name, ids);
  if (!near.empty()) return message + "; did you mean '" + std::string(near) + "'?";
  return message + "; write the path of a profile, or list the meter's registers";
}

const MeterProfile* ProfileLibrary::find(const YamlNode& name, Reporter& report) {
  const std::string* text = text_of(name, "profile", report);
  if (text == nullptr) return nullptr;
  if (*text == "sunspec") {
    report.error(name.at, "profile: sunspec is not yet supported; write the path of a profile, or registers");
    return nullptr;
  }
  const std::optional<fs::path> path = locate(*text);
  if (!path) {
    report.error(name.at, "profile: " + missing_advice(*text));
    return nullptr;
  }
  const auto [entry, is_new] = profiles_.try_emplace(*path, std::nullopt);
  if (is_new) {
    Reporter in_profile = report.for_file(path->string());
    const TextFile file = read_text_file(*path, max_yaml_bytes);
    if (file.failure.empty())
      entry->second = read_profile(file.text, path->stem().string(), in_profile);
    else
      report.error(name.at, "profile: cannot read " + path->string() + ": " + file.failure);
  }
  return entry->second ? &*entry->second : nullptr;
}

}  // namespace flopwatt
