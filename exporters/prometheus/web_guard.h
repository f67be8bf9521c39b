// What guards the endpoint: the file of exporters.prometheus.web_config and the certificates that it names.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
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

/// load_web_guard() for the first time, and what takes it up again; null where `file` is empty: nothing guards.
[[nodiscard]] Result<std::shared_ptr<WatchedFiles<WebGuard>>> watch_web_guard(
    const std::filesystem::path& file);

/// For `check` and the start, where the file itself is good: what is wrong with the certificates that it names, at the
/// place of its section; warnings, too. Nothing for "". Blocks.
[[nodiscard]] std::vector<Finding> check_web_certificates(const std::filesystem::path& file);

/// Whether `next` may take the place of `running` while the agent runs: a file without TLS, without users or without
/// client certificates, where the one before had them, may be half written, and is left for a restart or a reload.
[[nodiscard]] bool is_as_strict(const WebGuard& next, const WebGuard& running);

}  // namespace flopwatt::prometheus
