// The TLS of one end, made of its files: TLS 1.2 and newer, without renegotiation, compression and tickets.
// Certificates of peers are verified by the context; a stream needs nothing but expect_host() (handshake.h).
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "readings/certificate.h"
#include "readings/result.h"
#include "runtime/tls/tls_files.h"
#include "runtime/watched_files.h"

namespace flopwatt {

enum class TlsRole : std::uint8_t { client, server };

/// What a server wants of its clients' certificates. A client always verifies its server.
enum class PeerCertificate : std::uint8_t {
  not_asked,
  asked,   ///< taken unverified
  needed,  ///< one of any issuer
  verified_if_given,
  needed_and_verified,
};

struct TlsSettings {
  TlsRole role = TlsRole::client;
  TlsFiles files;
  PeerCertificate peer = PeerCertificate::not_asked;
  /// Server: of the names in a verified client's certificate one must be among these, unless there are none.
  std::vector<std::string> allowed_peers;
  bool pinned = false;  ///< a certificate of ca_file is taken itself, also where it signs nothing
  int min_version = 0x0303, max_version = 0;  ///< as OpenSSL numbers them (TLS1_2_VERSION); 0: the newest
  std::string ciphers;                        ///< of TLS 1.2, as OpenSSL lists them; "": its default
  std::string groups;                         ///< key exchange, "X25519:P-256"; "": its default
  bool prefer_own_ciphers = false;            ///< server: its order counts, not the client's

  bool operator==(const TlsSettings&) const = default;
};

/// A client's with these files.
[[nodiscard]] TlsSettings client_tls(TlsFiles files);

struct TlsSetup {
  /// Shared: a connection keeps the one that it began with. Never changed.
  std::shared_ptr<boost::asio::ssl::context> context;
  std::vector<CertificateExpiry> certificates;  ///< of all files; of each at most the 32 that end first
  std::vector<std::string> warnings;  ///< what works here and will fail at the peer: an expired certificate
};

/// Reads the files. A Fault of class connection: "<file>: <what is wrong>; <cure>". Blocks; any thread.
[[nodiscard]] WatchedFiles<TlsSetup>::Made load_tls(const TlsSettings& settings);

/// load_tls(), again each time that a file changes; logs the warnings. `purpose` as in WatchedFiles.
[[nodiscard]] WatchedFiles<TlsSetup> watch_tls(std::string purpose, TlsSettings settings);

}  // namespace flopwatt
