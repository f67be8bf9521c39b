// The files of one end of TLS, as configured.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace flopwatt {

/// PEM files of one end; empty: none. Certificate and key come together, or not at all.
struct TlsFiles {
  std::filesystem::path
      ca_file;  ///< who may sign the peer's certificate; a client without one takes the system's
  std::filesystem::path cert_file;  ///< our certificate, then those that signed it
  std::filesystem::path key_file;

  bool operator==(const TlsFiles&) const = default;
};

/// "": a client can use them; else "<file>: <what is wrong>; <cure>". `warnings`: as of TlsSetup. Blocks; any thread.
[[nodiscard]] std::string check_client_tls(const TlsFiles& files, std::vector<std::string>& warnings);

}  // namespace flopwatt
