// The meter profiles that configurations name: found in the data directories, read once, kept.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "config/profiles/read_profile.h"
#include "config/yaml/finding.h"
#include "config/yaml/yaml_tree.h"

namespace flopwatt {

/// The files of all profiles in `directories`, by id; of one id the first directory's.
[[nodiscard]] std::map<std::string, std::filesystem::path> find_profiles(
    const std::vector<std::filesystem::path>& directories);

/// The profile of that file; nullopt: `findings` says why.
[[nodiscard]] std::optional<MeterProfile> load_profile(const std::filesystem::path& path,
                                                       std::vector<Finding>& findings);

class ProfileLibrary {
 public:
  /// `beside`: the configuration's directory, where relative paths of profiles are looked for.
  ProfileLibrary(std::vector<std::filesystem::path> directories, std::filesystem::path beside);

  /// The profile of that name (`eastron-sdm630`) or path (`./my-meter.yml`), or `sunspec`. nullptr: reported,
  /// a missing one at the name, faults inside one once, at their place in its file.
  [[nodiscard]] const MeterProfile* find(const YamlNode& name, Reporter& report);

 private:
  [[nodiscard]] std::optional<std::filesystem::path> locate(const std::string& name) const;
  [[nodiscard]] std::string missing_advice(const std::string& name) const;

  std::vector<std::filesystem::path> directories_;
  std::filesystem::path beside_;
  MeterProfile sunspec_;
  std::map<std::filesystem::path, std::optional<MeterProfile>> profiles_;  // nullopt: broken, reported
};

}  // namespace flopwatt
