// Wrong files with their expected findings beside them: X.yml and X.expected, each line of which is
// "file:line:column: part of the message", in order, all of them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/yaml/finding.h"

namespace flopwatt::test {

/// The top of the project.
inline const std::filesystem::path source_dir = FLOPWATT_SOURCE_DIR;

inline std::vector<std::filesystem::path> yaml_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".yml") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

inline std::vector<std::string> expected_beside(std::filesystem::path file) {
  std::ifstream stream(file.replace_extension(".expected"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// "bad.yml:3:1: part": the finding's place must be the same, its message must contain the part.
inline bool is_as_expected(const Finding& finding, const std::string& expected) {
  const std::string text = finding.text();
  const std::string shown =
      std::filesystem::path(finding.file).filename().string() + text.substr(finding.file.size());
  const std::size_t message = expected.find(": ");
  return message != std::string::npos && shown.starts_with(expected.substr(0, message + 2)) &&
         shown.find(expected.substr(message + 2), message + 2) != std::string::npos;
}

inline void check_findings(const std::filesystem::path& file, const std::vector<Finding>& findings) {
  CAPTURE(file.string());
  const std::vector<std::string> expected = expected_beside(file);
  REQUIRE_FALSE(expected.empty());
  for (std::size_t i = 0; i < std::max(expected.size(), findings.size()); ++i) {
    const std::string want = i < expected.size() ? expected[i] : "(nothing)";
    const std::string got = i < findings.size() ? findings[i].text() : "(nothing)";
    CAPTURE(want);
    CAPTURE(got);
    CHECK((i < expected.size() && i < findings.size() && is_as_expected(findings[i], want)));
  }
}

}  // namespace flopwatt::test
