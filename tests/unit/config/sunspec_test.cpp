// `profile: sunspec`: a meter whose registers the device describes at each connect.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "config/load.h"
#include "tests/unit/config/shipped_vendors.h"

using namespace flopwatt;
namespace fs = std::filesystem;

namespace {

class ProfileFolder {
 public:
  ProfileFolder() : path_(fs::temp_directory_path() / ("flopwatt-sunspec-" + std::to_string(getpid()))) {
    fs::create_directories(path_);
  }
  ~ProfileFolder() { fs::remove_all(path_); }
  ProfileFolder(const ProfileFolder&) = delete;
  ProfileFolder& operator=(const ProfileFolder&) = delete;

  // The findings are "line:column: message".
  [[nodiscard]] Loaded load(const std::string& text) const {
    std::ofstream(path_ / "f.yml") << text;
    const fs::path source = FLOPWATT_SOURCE_DIR;
    return load_config(path_ / "f.yml", {{source / "config/meters"}, source / "config/accelerators.yml"},
                       {test::shipped_vendors, {}});
  }

 private:
  fs::path path_;
};

std::vector<std::string> errors_of(const Loaded& loaded) {
  std::vector<std::string> texts;
  for (const Finding& one : loaded.findings)
    if (one.severity == Finding::Severity::error)
      texts.push_back(std::to_string(one.line) + ':' + std::to_string(one.column) + ": " + one.message);
  return texts;
}

}  // namespace

TEST_CASE("a SunSpec meter has power and energy of its own, before anything was asked") {
  const Loaded loaded = ProfileFolder().load(
      "meters:\n"
      "  - {name: a, address: 'tcp://10.0.0.1', profile: sunspec, accuracy: {class: 1}}\n"
      "  - {name: b, address: 'tcp://10.0.0.1', unit_id: 2, profile: sunspec, sunspec_model: 16,\n"
      "     max_registers: 60, accuracy: {class: 1}}\n"
      "scopes: [{name: rack, energy: [a, b], work: all}]\n");
  CHECK(errors_of(loaded).empty());
  CHECK(loaded.findings.empty());  // no warning that no energy can be accounted
  REQUIRE(loaded.config.meters.size() == 2);
  const MeterProfile& profile = loaded.config.meters[0].profile;
  CHECK((profile.sunspec && profile.id == "sunspec" && profile.registers.empty()));
  CHECK((profile.has({Quantity::active_power}) && profile.has({Quantity::energy_import})));
  CHECK_FALSE(profile.has({Quantity::active_power, Place::branch, 1}));
  CHECK(loaded.config.meters[0].sunspec_model == 1);
  CHECK(loaded.config.meters[1].sunspec_model == 16);
  CHECK(loaded.config.meters[1].profile.limits.max_registers == 60);
}

TEST_CASE("what a SunSpec meter has not: branches, a 17th model; what others have not: sunspec_model") {
  const Loaded loaded = ProfileFolder().load(
      "meters:\n"
      "  - {name: a, address: 'tcp://10.0.0.1', profile: sunspec, sunspec_model: 17, accuracy: {class: 1}}\n"
      "  - {name: b, address: 'tcp://10.0.0.2', profile: sunspec, branches: {1: x}, accuracy: {class: 1}}\n"
      "  - {name: c, address: 'tcp://10.0.0.3', profile: eastron-sdm630, sunspec_model: 1, "
      "accuracy: {class: 1}}\n"
      "  - {name: d, address: 'tcp://10.0.0.4', profile: sunspecs, accuracy: {class: 1}}\n"
      "scopes: [{name: rack, energy: [a/3], work: all}]\n");
  const std::vector<std::string> errors = errors_of(loaded);
  REQUIRE(errors.size() == 5);
  CHECK(errors[0] == "2:75: sunspec_model: 17 is out of range; write 1 to 16");
  CHECK(errors[1].starts_with("3:71: branches: '1' is no branch of this meter"));
  CHECK(errors[2] == "4:67: sunspec_model: belongs to profile: sunspec; remove it");
  CHECK(errors[3].starts_with("5:51: profile: no profile 'sunspecs'"));
  CHECK(errors[3].ends_with("did you mean 'sunspec'?"));
  CHECK(errors[4].starts_with("6:32: energy: 'a' measures no power or energy of a branch 3"));
}
