#include "exporters/prometheus/web_guard.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

namespace flopwatt::prometheus {
namespace {

using Made = WatchedFiles<WebGuard>::Made;

PeerCertificate peer_of(ClientAuth client_auth) {
  switch (client_auth) {
    case ClientAuth::none:
      return PeerCertificate::not_asked;
    case ClientAuth::request:
      return PeerCertificate::asked;
    case ClientAuth::require_any:
      return PeerCertificate::needed;
    case ClientAuth::verify_if_given:
      return PeerCertificate::verified_if_given;
    case ClientAuth::require_and_verify:
      return PeerCertificate::needed_and_verified;
  }
  return PeerCertificate::needed_and_verified;
}

void add_to_list(std::string& list, std::string_view name) {
  list += (list.empty() ? "" : ":") + std::string(name);
}

// Those of TLS 1.3 are always offered; the list chooses among those of TLS 1.2, as in Go.
std::string ciphers_of(const WebTls& tls) {
  std::string list;
  for (const std::string& name : tls.cipher_suites)
    if (name.find("_WITH_") != std::string::npos) add_to_list(list, OPENSSL_cipher_name(name.c_str()));
  return list;
}

std::string groups_of(const WebTls& tls) {
  std::string list;
  for (const std::string& name : tls.curve_preferences)
    add_to_list(list, name == "X25519" ? name : "P-" + name.substr(std::string_view("CurveP").size()));
  return list;
}

TlsSettings settings_of(const WebTls& tls) {
  TlsSettings settings;
  settings.role = TlsRole::server;
  settings.files = {tls.client_ca_file, tls.cert_file, tls.key_file};
  settings.peer = peer_of(tls.client_auth);
  settings.allowed_peers = tls.client_allowed_sans;
  settings.ciphers = ciphers_of(tls);
  settings.groups = groups_of(tls);
  settings.prefer_own_ciphers = tls.prefer_server_cipher_suites;
  const bool only_13 = !tls.cipher_suites.empty() && settings.ciphers.empty();
  settings.min_version = tls.min_version == TlsVersion::tls13 || only_13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  settings.max_version = tls.max_version == TlsVersion::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  return settings;
}

std::optional<Fault> fault_in(const std::vector<Finding>& findings) {
  const auto error = std::ranges::find(findings, Finding::Severity::error, &Finding::severity);
  if (error == findings.end()) return std::nullopt;
  return Fault{FaultClass::connection, error->text(), 0};
}

Finding finding_at(Finding::Severity severity, const std::filesystem::path& file, Position at,
                   std::string message) {
  return {severity, file.string(), at.line, at.column, std::move(message)};
}

}  // namespace

Made load_web_guard(const std::filesystem::path& path) {
  const SmallFile file = read_small_file(path, max_web_config_bytes);
  std::vector<SeenFile> files = {{path, file.stamp}};
  if (!file.failure.empty())
    return {Fault{FaultClass::connection, path.string() + ": " + file.failure, 0}, std::move(files)};
  std::vector<Finding> findings;
  Reporter report(findings, path.string());
  const auto guard = std::make_shared<WebGuard>();
  guard->config = read_web_config(file.text, path.parent_path(), report);
  if (auto fault = fault_in(findings)) return {*std::move(fault), std::move(files)};
  if (!guard->config.tls) return {std::shared_ptr<const WebGuard>(guard), std::move(files)};
  auto tls = load_tls(settings_of(*guard->config.tls));
  files.insert(files.end(), tls.files.begin(), tls.files.end());
  if (!tls.product) return {tls.product.error(), std::move(files)};
  guard->tls = *tls.product;
  return {std::shared_ptr<const WebGuard>(guard), std::move(files)};
}

namespace {

// `taken`: the one before, and, where it is not refused, this one.
Made load_next(const std::filesystem::path& path, std::shared_ptr<const WebGuard>& taken) {
  Made made = load_web_guard(path);
  if (!made.product) return made;
  if (taken)
    if (const std::string_view missing = missing_guard(**made.product, *taken); !missing.empty())
      return {
          Fault{FaultClass::connection,
                path.string() + ": it guards less than before: " + std::string(missing) +
                    " is missing or weaker; until a reload nothing of it counts, nor do changed certificates",
                0},
          std::move(made.files)};
  taken = *made.product;
  return made;
}

}  // namespace

Result<std::shared_ptr<WatchedFiles<WebGuard>>> watch_web_guard(const std::filesystem::path& file) {
  std::shared_ptr<WatchedFiles<WebGuard>> files;
  if (file.empty()) return files;
  files = std::make_shared<WatchedFiles<WebGuard>>(
      "the web configuration", [file, taken = std::make_shared<std::shared_ptr<const WebGuard>>()] {
        return load_next(file, *taken);
      });
  if (const auto loaded = files->load(); !loaded) return loaded.error();
  return files;
}

std::vector<Finding> check_web_certificates(const std::filesystem::path& path) {
  std::vector<Finding> findings, of_file;
  if (path.empty()) return findings;
  Reporter report(of_file, path.string());
  const SmallFile file = read_small_file(path, max_web_config_bytes);
  const auto tls = read_web_config(file.text, path.parent_path(), report).tls;
  if (!tls || fault_in(of_file)) return findings;
  const auto loaded = load_tls(settings_of(*tls));
  if (!loaded.product) {
    findings.push_back(finding_at(Finding::Severity::error, path, tls->at, loaded.product.error().message));
    return findings;
  }
  for (const std::string& warning : (*loaded.product)->warnings)
    findings.push_back(finding_at(Finding::Severity::warning, path, tls->at, warning));
  return findings;
}

std::string_view missing_guard(const WebGuard& next, const WebGuard& running) {
  if (!running.config.users.empty() && next.config.users.empty()) return "basic_auth_users";
  if (!running.config.tls) return "";
  if (!next.config.tls) return "tls_server_config";
  const WebTls &was = *running.config.tls, &will = *next.config.tls;
  if (will.client_auth < was.client_auth) return "client_auth_type";
  if (will.client_allowed_sans.empty() && !was.client_allowed_sans.empty()) return "client_allowed_sans";
  if (will.client_ca_file.empty() && !was.client_ca_file.empty()) return "client_ca_file";
  if (will.min_version < was.min_version) return "min_version";
  return "";
}

}  // namespace flopwatt::prometheus
