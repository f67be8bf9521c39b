// The meter profiles that configurations name: found in the data directories, read once, kept.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/finding.h"
#include "config/meter_profile.h"
#include "config/yaml_tree.h"

namespace flopwatt {

/// A profile's file as text -> profile. nullopt: reported. `id` becomes its id.
[[nodiscard]] std::optional<MeterProfile> read_profile(const std::string& text, const std::string& id,
                                                       Reporter& report);

/// `limits` of a profile.
[[nodiscard]] ReadLimits read_limits(const YamlNode& node, Reporter& report);

/// The files of all profiles in `directories`, by id; of one id the first directory's.
[[nodiscard]] std::map<std::string, std::filesystem::path> find_profiles(
    const std::vector<std::filesystem::path>& directories);

class ProfileLibrary {
 public:
  /// `beside`: the configuration's directory, where relative paths of profiles are looked for.
  ProfileLibrary(std::vector<std::filesystem::path> directories, std::filesystem::path beside)
      : directories_(std::move(directories)), beside_(std::move(beside)) {}

  /// The profile of that name (`eastron-sdm630`) or path (`./my-meter.yml`). nullptr: reported, a missing one
  /// at the name, faults inside one once, at their place in its file.
  [[nodiscard]] const MeterProfile* find(const YamlNode& name, Reporter& report);

 private:
  [[nodiscard]] std::optional<std::filesystem::path> locate(const std::string& name) const;
  [[nodiscard]] std::string missing_advice(const std::string& name) const;

  std::vector<std::filesystem::path> directories_;
  std::filesystem::path beside_;
  std::map<std::filesystem::path, std::optional<MeterProfile>> profiles_;  // nullopt: broken, reported
};

}  // namespace flopwatt
