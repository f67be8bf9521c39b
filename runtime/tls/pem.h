// Certificates and keys in PEM files, with their faults in words.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "readings/result.h"

namespace flopwatt {

struct FreeOpenssl {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using CertificatePtr = std::unique_ptr<X509, FreeOpenssl>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeOpenssl>;

/// All certificates of a text, at least one. The error is part of a sentence with its cure: "it holds no
/// certificate in PEM form …". Any thread; so are all functions of this header.
[[nodiscard]] Result<std::vector<CertificatePtr>, std::string> parse_certificates(const std::string& text);

/// The private key of a text, which must not be encrypted: nobody is there to type its password.
[[nodiscard]] Result<KeyPtr, std::string> parse_private_key(const std::string& text);

/// "CN=broker.example,O=Example", without control characters.
[[nodiscard]] std::string subject_of(const X509* certificate);
[[nodiscard]] std::string issuer_of(const X509* certificate);
/// Its alternative names as text: DNS names, IP addresses, addresses of mail, URIs.
[[nodiscard]] std::vector<std::string> alternative_names_of(const X509* certificate);
/// The same as a list, "broker.example, 10.0.0.1"; its subject where there are none.
[[nodiscard]] std::string names_of(const X509* certificate);

/// Seconds since 1970.
[[nodiscard]] std::int64_t expiry_of(const X509* certificate);
[[nodiscard]] std::int64_t beginning_of(const X509* certificate);
/// "2026-11-23 12:44 UTC"
[[nodiscard]] std::string utc_minute_text(std::int64_t wall_s);

/// Takes the newest reason from OpenSSL's list of errors of this thread, and empties it.
[[nodiscard]] std::string take_openssl_reason();

}  // namespace flopwatt
