#include "config/profiles/profile_library.h"

#include <system_error>

#include "config/yaml/map_reader.h"
#include "config/yaml/nearest.h"
#include "config/yaml/text_file.h"

namespace flopwatt {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view suffix = ".yml";
constexpr std::string_view sunspec_name = "sunspec";

bool is_path(std::string_view name) { return name.find('/') != name.npos || name.ends_with(suffix); }

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

std::optional<MeterProfile> load_profile(const fs::path& path, std::vector<Finding>& findings) {
  Reporter report(findings, path.string());
  const TextFile file = read_text_file(path, max_yaml_bytes);
  if (file.failure.empty()) return read_profile(file.text, path.stem().string(), report);
  report.error({}, "cannot be read: " + file.failure);
  return std::nullopt;
}

ProfileLibrary::ProfileLibrary(std::vector<fs::path> directories, fs::path beside)
    : directories_(std::move(directories)), beside_(std::move(beside)) {
  sunspec_.id = sunspec_name;
  sunspec_.sunspec = true;
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
  ids.reserve(files.size() + 1);
  for (const auto& [id, path] : files) ids.push_back(id);
  ids.push_back(sunspec_name);
  const std::string_view near = nearest_word(name, ids);
  if (!near.empty()) return message + "; did you mean '" + std::string(near) + "'?";
  return message + "; write the path of a profile, or list the meter's registers";
}

const MeterProfile* ProfileLibrary::find(const YamlNode& name, Reporter& report) {
  const std::string* text = text_of(name, "profile", report);
  if (text == nullptr) return nullptr;
  if (*text == sunspec_name) return &sunspec_;
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
