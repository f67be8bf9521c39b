#include "config/secret_file.h"

#include <cstdlib>
#include <system_error>
#include <vector>

#include "config/yaml/text_file.h"

namespace flopwatt {
namespace fs = std::filesystem;
namespace {

std::optional<fs::path> find_file(const std::string& name, std::string_view key, const fs::path& beside,
                                  Position at, Reporter& report, bool is_secret) {
  constexpr std::size_t max_secret_bytes = std::size_t{64} << 10;
  std::vector<fs::path> candidates;
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  if (credentials != nullptr && *credentials != '\0' && fs::path(name).is_relative())
    candidates.push_back(fs::path(credentials) / name);
  candidates.push_back(beside / name);

  std::string looked;
  for (const fs::path& path : candidates) {
    std::error_code error;
    looked += (looked.empty() ? "" : " or ") + path.string();
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) continue;
    const TextFile file = read_text_file(path, max_secret_bytes);
    if (file.failure.empty() && !file.text.empty()) {
      if (is_secret && (status.permissions() & fs::perms::others_read) != fs::perms::none)
        report.warn(at, std::string(key) + ": everybody on this machine may read " + path.string() +
                            "; chmod 640 it");
      return path;
    }
    report.error(at, std::string(key) + ": cannot read " + path.string() + ": " +
                         (file.failure.empty() ? "it is empty" : file.failure));
    return std::nullopt;
  }
  report.error(at, std::string(key) + ": there is no file " + looked);
  return std::nullopt;
}

}  // namespace

std::optional<fs::path> find_secret_file(const std::string& name, std::string_view key,
                                         const fs::path& beside, Position at, Reporter& report) {
  return find_file(name, key, beside, at, report, true);
}

std::optional<fs::path> find_public_file(const std::string& name, std::string_view key,
                                         const fs::path& beside, Position at, Reporter& report) {
  return find_file(name, key, beside, at, report, false);
}

}  // namespace flopwatt
