// The meter profiles that configurations name. Found in the data directories; each is read once and kept.
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

/// The files of all profiles in `directories`, by id. The first directory that has an id wins.
[[nodiscard]] std::map<std::string, std::filesystem::path> find_profiles(
    const std::vector<std::filesystem::path>& directories);

/// The profile in that file. nullopt: `findings` has the faults.
[[nodiscard]] std::optional<MeterProfile> load_profile(const std::filesystem::path& path,
                                                       std::vector<Finding>& findings);

class ProfileLibrary {
 public:
  /// `beside`: the folder of the configuration, to which paths of profiles are relative.
  ProfileLibrary(std::vector<std::filesystem::path> directories, std::filesystem::path beside);

  /// The profile of that name (`eastron-sdm630`) or path (`./my-meter.yml`), or `sunspec`. Valid as
  /// long as the library. nullptr: reported; a missing profile at `name`, faults in its file once,
  /// at their places there.
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
