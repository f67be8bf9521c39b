// Words near a mistyped one, units, globs, text, secrets.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "config/glob.h"
#include "config/profiles/units.h"
#include "config/secret_file.h"
#include "config/yaml/finding.h"
#include "config/yaml/nearest.h"
#include "config/yaml/plain_text.h"

using namespace flopwatt;
namespace fs = std::filesystem;

TEST_CASE("the nearest word is offered where one is near") {
  const std::array<std::string_view, 4> words = {"address", "accuracy", "unit_id", "profile"};
  CHECK(nearest_word("adress", words) == "address");
  CHECK(nearest_word("Address", words) == "address");
  CHECK(nearest_word("profiel", words) == "profile");  // swapped letters
  CHECK(nearest_word("unitid", words) == "unit_id");
  CHECK(nearest_word("x", words).empty());
  CHECK(nearest_word("colour", words).empty());
  CHECK(nearest_word(std::string(1000, 'a'), words).empty());
  CHECK(suggestion("adress", words) == "; did you mean 'address'?");
  CHECK(suggestion("colour", words) == "; write address, accuracy, unit_id or profile");
  CHECK(suggestion("colour", {}).empty());
}

TEST_CASE("units are converted to the held unit, and only to one that measures the same") {
  CHECK(unit_factor("kW", "W") == 1000.0);
  CHECK(unit_factor("kWh", "Wh") == 1000.0);
  CHECK(unit_factor("MWh", "Wh") == 1e6);
  CHECK(*unit_factor("kJ", "Wh") * 3.6 == doctest::Approx(1.0));
  CHECK(*unit_factor("MJ", "Wh") * 3.6 == doctest::Approx(1000.0));
  CHECK(unit_factor("mA", "A") == 0.001);
  CHECK(unit_factor("kvar", "var") == 1000.0);
  CHECK(unit_factor("mHz", "Hz") == 0.001);
  CHECK(unit_factor("Mvarh", "varh") == 1e6);
  CHECK(unit_factor("kVAh", "VAh") == 1000.0);
  CHECK_FALSE(unit_factor("kvarh", "Wh"));
  CHECK(unit_factor("%", "1") == 0.01);
  CHECK_FALSE(unit_factor("VA", "W"));
  CHECK_FALSE(unit_factor("W", "Wh"));
  CHECK_FALSE(unit_factor("kw", "W"));
  CHECK(units_for("A").size() == 3);
}

TEST_CASE("globs match whole names") {
  CHECK(matches_glob("nvidia*", "nvidia0"));
  CHECK(matches_glob("nvidia[0-3]", "nvidia2"));
  CHECK(matches_glob("gpu-?", "gpu-a"));
  CHECK_FALSE(matches_glob("nvidia", "nvidia0"));
  CHECK_FALSE(matches_glob("NVIDIA*", "nvidia0"));
  CHECK(is_glob("a?"));
  CHECK_FALSE(is_glob("a-b"));
}

TEST_CASE("a finding that quotes line ends or a terminal's control sequences is one line of plain text") {
  std::vector<Finding> findings;
  Reporter report(findings, "rack.yml");
  report.error({3, 5}, "unit_id: '255\nA' is no \x1B[31mnumber\x7F");
  report.warn({4, 1}, "caf\xC3\xA9\t1");
  CHECK(findings.at(0).text() == "rack.yml:3:5: unit_id: '255 A' is no  [31mnumber ");
  CHECK(findings.at(1).text() == "rack.yml:4:1: warning: caf\xC3\xA9 1");
}

TEST_CASE("text is UTF-8 without control characters") {
  CHECK(find_non_text("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\t\r\n") == std::string_view::npos);
  CHECK(find_non_text("ab\x01") == 2);
  CHECK(find_non_text("a\x7F") == 1);
  for (const char* bad :
       {"\x80", "\xC0\xAF", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88"})
    CHECK(find_non_text(bad) == 0);
}

namespace {

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("flopwatt-secret-" + std::to_string(getpid()))) {
    fs::create_directories(path_ / "credentials");
  }
  ~Folder() {
    unsetenv("CREDENTIALS_DIRECTORY");
    fs::remove_all(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] fs::path write(const std::string& name, const std::string& text, mode_t mode) const {
    const fs::path file = path_ / name;
    std::ofstream(file) << text;
    chmod(file.c_str(), mode);
    return file;
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("a secret is looked for among the credentials, then beside the configuration") {
  const Folder folder;
  const fs::path beside = folder.write("password", "a", 0600);
  std::vector<Finding> findings;
  Reporter report(findings, "f.yml");
  const auto find = [&](const std::string& name) {
    return find_secret_file(name, "password_file", folder.path(), {2, 3}, report);
  };
  CHECK(find("password") == beside);

  setenv("CREDENTIALS_DIRECTORY", (folder.path() / "credentials").c_str(), 1);
  CHECK(find("password") == beside);
  const fs::path credential = folder.write("credentials/password", "b", 0400);
  CHECK(find("password") == credential);
  CHECK(find(beside.string()) == beside);  // an absolute path is taken as it is
  CHECK(findings.empty());

  CHECK_FALSE(find("missing"));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].message.find("credentials/missing or ") != std::string::npos);
  CHECK(findings[0].line == 2);
}

TEST_CASE("an empty secret is an error, one that everybody may read a warning") {
  const Folder folder;
  std::vector<Finding> findings;
  Reporter report(findings, "f.yml");
  CHECK_FALSE(find_secret_file(folder.write("empty", "", 0600), "password_file", "", {}, report));
  CHECK(report.error_count() == 1);
  CHECK(find_secret_file(folder.write("open", "x", 0644), "password_file", "", {}, report));
  REQUIRE(findings.size() == 2);
  CHECK(findings[1].severity == Finding::Severity::warning);
  CHECK(findings[1].message.find("chmod") != std::string::npos);
}
