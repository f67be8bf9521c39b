// What guards the endpoint: the file of exporters.prometheus.web_config and the certificates that it names.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "config/web/web_config.h"
#include "runtime/tls/tls_setup.h"
#include "runtime/watched_files.h"

namespace flopwatt::prometheus {

struct WebGuard {
  WebConfig config;
  std::shared_ptr<const TlsSetup> tls;  ///< null: plain HTTP
};

/// Reads `file` and what it names. A Fault: "<file>:line:column: <what is wrong>", the first of all. Blocks.
[[nodiscard]] WatchedFiles<WebGuard>::Made load_web_guard(const std::filesystem::path& file);

/// load_web_guard() for the first time, and what takes it up again, but for a file that guards less; null where `file` is
/// empty: nothing guards.
[[nodiscard]] Result<std::shared_ptr<WatchedFiles<WebGuard>>> watch_web_guard(
    const std::filesystem::path& file);

/// For `check` and the start, where the file itself is good: what is wrong with the certificates that it names, at the
/// place of its section; warnings, too. Nothing for "". Blocks.
[[nodiscard]] std::vector<Finding> check_web_certificates(const std::filesystem::path& file);

/// What `running` guards by and `next` lacks, by its key; "": nothing. A file that guards less may be half written, and is
/// left for a reload.
[[nodiscard]] std::string_view missing_guard(const WebGuard& next, const WebGuard& running);

}  // namespace flopwatt::prometheus
