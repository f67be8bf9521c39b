// The file of exporters.prometheus.web_config: TLS, users and headers of the endpoint, in the format of Prometheus'
// exporter-toolkit. Strict, like the configuration.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/yaml/finding.h"

namespace flopwatt {

enum class TlsVersion : std::uint8_t { tls12, tls13 };

enum class ClientAuth : std::uint8_t { none, request, require_any, verify_if_given, require_and_verify };

struct WebTls {
  Position at;  ///< of the section
  std::filesystem::path cert_file, key_file,
      client_ca_file;  ///< absolute, or as the process finds them; "": none
  ClientAuth client_auth = ClientAuth::none;
  std::vector<std::string> client_allowed_sans;
  std::vector<std::string> cipher_suites;      ///< IANA names of TLS 1.2 and 1.3; none: the default
  std::vector<std::string> curve_preferences;  ///< "X25519", "CurveP256"; none: the default
  TlsVersion min_version = TlsVersion::tls12, max_version = TlsVersion::tls13;
  bool prefer_server_cipher_suites = true;
};

struct WebConfig {
  std::optional<WebTls> tls;  ///< nullopt: plain HTTP
  std::map<std::string, std::string, std::less<>>
      users;  ///< name -> bcrypt hash of 60 characters; none: no login
  std::vector<std::pair<std::string, std::string>> headers;  ///< of every response
};

inline constexpr std::size_t max_web_config_bytes = std::size_t{256} << 10;

/// Reads `text`, whose relative paths are those of `folder`; opens no file. Reports all faults at once; what is
/// returned is valid only if there is none.
[[nodiscard]] WebConfig read_web_config(const std::string& text, const std::filesystem::path& folder,
                                        Reporter& report);

}  // namespace flopwatt
