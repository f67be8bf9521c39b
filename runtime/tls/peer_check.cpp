#include "runtime/tls/peer_check.h"

#include <openssl/x509_vfy.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <utility>

#include "runtime/tls/pem.h"

namespace flopwatt {
namespace {

struct PeerRule {
  bool verified = true;
  std::vector<std::string> allowed;
};

// OpenSSL frees what hangs on its objects together with them.
template <class T>
void free_attached(void* /*parent*/, void* attached, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*argl*/,
                   void* /*argp*/) {
  delete static_cast<T*>(attached);
}

int rule_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_attached<PeerRule>);
  return index;
}

int refusal_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &free_attached<std::string>);
  return index;
}

std::string clock_text() { return "this machine's clock says " + utc_minute_text(std::time(nullptr)); }

std::string refusal_words(int error, const X509* certificate) {
  const std::string subject = certificate == nullptr ? "it" : subject_of(certificate);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the certificate " + subject + " expired on " + utc_minute_text(expiry_of(certificate)) + " (" +
             clock_text() + "); renew it";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the certificate " + subject + " holds from " + utc_minute_text(beginning_of(certificate)) +
             " on, and " + clock_text() + "; is the clock wrong?";
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return "the certificate is for another name: " + names_of(certificate);
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the certificate is for another name: " + names_of(certificate) +
             "; an address has to be there as an IP address, not as a DNS name";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "the certificate " + subject + " is signed by an unknown issuer, " +
             (certificate == nullptr ? "" : issuer_of(certificate)) + "; put its certificate into ca_file";
    default:
      return "the certificate " + subject + " is refused: " + X509_verify_cert_error_string(error);
  }
}

// As exporter-toolkit does: each alternative name is compared as a whole.
bool is_allowed(const X509* certificate, const std::vector<std::string>& allowed) {
  return std::ranges::any_of(alternative_names_of(certificate), [&](const std::string& name) {
    return std::ranges::find(allowed, name) != allowed.end();
  });
}

void keep_refusal(SSL* connection, std::string words) {
  if (SSL_get_ex_data(connection, refusal_index()) != nullptr) return;  // the first says most
  auto attached = std::make_unique<std::string>(std::move(words));
  if (SSL_set_ex_data(connection, refusal_index(), attached.get()) == 1) attached.release();
}

int check_certificate(int good, X509_STORE_CTX* store) {
  auto* connection =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* rule =
      static_cast<const PeerRule*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), rule_index()));
  if (!rule->verified) return 1;
  const X509* certificate = X509_STORE_CTX_get_current_cert(store);
  if (good != 1) {
    keep_refusal(connection, refusal_words(X509_STORE_CTX_get_error(store), certificate));
    return 0;
  }
  if (X509_STORE_CTX_get_error_depth(store) > 0 || rule->allowed.empty()) return 1;
  if (is_allowed(certificate, rule->allowed)) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  keep_refusal(connection, "the certificate is for nobody who is allowed: " + names_of(certificate));
  return 0;
}

}  // namespace

void check_peers(SSL_CTX* context, int mode, bool verified, std::vector<std::string> allowed) {
  auto rule = std::make_unique<PeerRule>(PeerRule{verified, std::move(allowed)});
  if (SSL_CTX_set_ex_data(context, rule_index(), rule.get()) == 1) rule.release();
  SSL_CTX_set_verify(context, mode, &check_certificate);
}

std::string peer_refusal(const SSL* connection) {
  const auto* words = static_cast<const std::string*>(SSL_get_ex_data(connection, refusal_index()));
  return words == nullptr ? "" : *words;
}

}  // namespace flopwatt
