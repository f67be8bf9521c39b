#include "runtime/tls/tls_setup.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <utility>

#include "runtime/log.h"
#include "runtime/tls/peer_check.h"
#include "runtime/tls/pem.h"

namespace flopwatt {
namespace {

namespace ssl = boost::asio::ssl;
namespace fs = std::filesystem;
using Made = WatchedFiles<TlsSetup>::Made;
using Failure = std::optional<Fault>;

constexpr std::size_t longest_pem = std::size_t{1} << 20;  // the system's bundle of authorities has 220 KiB
constexpr std::size_t most_told = 32;

Fault tls_fault(const fs::path& file, const std::string& what) {
  return {FaultClass::connection, file.string() + ": " + what, 0};
}

Fault setting_fault(const std::string& what) {
  return {FaultClass::connection, what + ": " + take_openssl_reason(), 0};
}

// OpenSSL's macros for these two have casts: SSL_CTX_set1_groups_list(), and SSL_CTX_add1_chain_cert() below.
long set_groups(SSL_CTX* context, std::string groups) {
  return SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, groups.data());
}

// Reads the files of one end into a context that is being made.
class Loading {
 public:
  explicit Loading(const TlsSettings& settings) : settings_(settings) {}

  [[nodiscard]] Failure load();
  [[nodiscard]] std::vector<SeenFile> take_files() { return std::move(files_); }
  [[nodiscard]] std::shared_ptr<const TlsSetup> setup() const { return setup_; }

 private:
  [[nodiscard]] Failure make_context();
  [[nodiscard]] Failure apply_versions();
  [[nodiscard]] Failure load_own();
  [[nodiscard]] Failure use_own(std::vector<CertificatePtr>& chain, EVP_PKEY& key);
  [[nodiscard]] Failure load_authorities();
  void set_peer_check();
  [[nodiscard]] Result<std::string> read(const fs::path& file);
  void tell(const fs::path& file, const char* usage, const std::vector<CertificatePtr>& certificates);
  [[nodiscard]] SSL_CTX* native() { return setup_->context->native_handle(); }
  [[nodiscard]] bool is_server() const { return settings_.role == TlsRole::server; }

  const TlsSettings& settings_;
  std::shared_ptr<TlsSetup> setup_ = std::make_shared<TlsSetup>();
  std::vector<SeenFile> files_;
};

Failure Loading::load() {
  if (auto failure = make_context()) return failure;
  if (auto failure = apply_versions()) return failure;
  if (auto failure = load_own()) return failure;
  if (auto failure = load_authorities()) return failure;
  set_peer_check();
  return std::nullopt;
}

Failure Loading::make_context() {
  boost::system::error_code ignored;
  setup_->context =
      std::make_shared<ssl::context>(is_server() ? ssl::context::tls_server : ssl::context::tls_client);
  // No tickets: a session that goes on elsewhere would outlive the authority that let it begin.
  SSL_CTX_set_options(native(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(native(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(native(), 0);
  // An idle connection holds no buffers.
  SSL_CTX_set_mode(native(), SSL_MODE_RELEASE_BUFFERS);
  if (settings_.prefer_own_ciphers) SSL_CTX_set_options(native(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  return std::nullopt;
}

Failure Loading::apply_versions() {
  if (SSL_CTX_set_min_proto_version(native(), settings_.min_version) != 1 ||
      SSL_CTX_set_max_proto_version(native(), settings_.max_version) != 1)
    return setting_fault("these TLS versions are not offered");
  if (!settings_.ciphers.empty() && SSL_CTX_set_cipher_list(native(), settings_.ciphers.c_str()) != 1)
    return setting_fault("cipher suites " + settings_.ciphers);
  if (!settings_.groups.empty() && set_groups(native(), settings_.groups) != 1)
    return setting_fault("curves " + settings_.groups);
  return std::nullopt;
}

Failure Loading::load_own() {
  const TlsFiles& files = settings_.files;
  if (files.cert_file.empty() && files.key_file.empty()) return std::nullopt;
  const auto certificate_text = read(files.cert_file);
  if (!certificate_text) return certificate_text.error();
  const auto key_text = read(files.key_file);
  if (!key_text) return key_text.error();
  auto chain = parse_certificates(*certificate_text);
  if (!chain) return tls_fault(files.cert_file, chain.error());
  const auto key = parse_private_key(*key_text);
  if (!key) return tls_fault(files.key_file, key.error());
  tell(files.cert_file, is_server() ? "server" : "client", *chain);
  return use_own(*chain, **key);
}

Failure Loading::use_own(std::vector<CertificatePtr>& chain, EVP_PKEY& key) {
  const TlsFiles& files = settings_.files;
  const auto fits = [&key](const CertificatePtr& one) {
    return X509_check_private_key(one.get(), &key) == 1;
  };
  if (!fits(chain.front())) {
    static_cast<void>(take_openssl_reason());
    const bool elsewhere = std::ranges::any_of(chain, fits);
    static_cast<void>(take_openssl_reason());
    if (elsewhere)
      return tls_fault(
          files.cert_file,
          "its first certificate is not the one of the key; put our own first, then those that signed it");
    return tls_fault(files.key_file, "the key does not fit the certificate in " + files.cert_file.string() +
                                         "; are both of one request?");
  }
  if (SSL_CTX_use_certificate(native(), chain.front().get()) != 1)
    return tls_fault(files.cert_file, "the certificate cannot be used: " + take_openssl_reason());
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_ctrl(native(), SSL_CTRL_CHAIN_CERT, 1, chain[i].get()) != 1)
      return tls_fault(files.cert_file, "its chain cannot be used: " + take_openssl_reason());
  if (SSL_CTX_use_PrivateKey(native(), &key) != 1)
    return tls_fault(files.key_file, "the key cannot be used: " + take_openssl_reason());
  return std::nullopt;
}

Failure Loading::load_authorities() {
  const fs::path& file = settings_.files.ca_file;
  if (file.empty()) {
    SSL_CTX_set_default_verify_paths(native());
    return std::nullopt;
  }
  const auto text = read(file);
  if (!text) return text.error();
  const auto authorities = parse_certificates(*text);
  if (!authorities) return tls_fault(file, authorities.error());
  tell(file, "ca", *authorities);
  X509_STORE* store = SSL_CTX_get_cert_store(native());
  if (settings_.pinned) X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  for (const CertificatePtr& authority : *authorities) {
    if (X509_STORE_add_cert(store, authority.get()) != 1)
      return tls_fault(file, "it cannot be used: " + take_openssl_reason());
    if (is_server()) SSL_CTX_add_client_CA(native(), authority.get());
  }
  return std::nullopt;
}

void Loading::set_peer_check() {
  constexpr int asked = SSL_VERIFY_PEER, needed = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  if (!is_server()) return check_peers(native(), asked, true, {});
  switch (settings_.peer) {
    case PeerCertificate::not_asked:
      return check_peers(native(), SSL_VERIFY_NONE, false, {});
    case PeerCertificate::asked:
      return check_peers(native(), asked, false, {});
    case PeerCertificate::needed:
      return check_peers(native(), needed, false, {});
    case PeerCertificate::verified_if_given:
      return check_peers(native(), asked, true, settings_.allowed_peers);
    case PeerCertificate::needed_and_verified:
      return check_peers(native(), needed, true, settings_.allowed_peers);
  }
}

Result<std::string> Loading::read(const fs::path& file) {
  SmallFile found = read_small_file(file, longest_pem);
  files_.push_back({file, found.stamp});
  if (!found.failure.empty()) return tls_fault(file, found.failure);
  return std::move(found.text);
}

void Loading::tell(const fs::path& file, const char* usage, const std::vector<CertificatePtr>& certificates) {
  const std::int64_t now_s = std::time(nullptr);
  std::vector<CertificateExpiry> told;
  for (const CertificatePtr& one : certificates) {
    told.push_back({file.string(), usage, subject_of(one.get()), expiry_of(one.get())});
    if (told.back().expires_wall_s < now_s)
      setup_->warnings.push_back(file.string() + ": the certificate " + told.back().subject + " expired on " +
                                 utc_minute_text(told.back().expires_wall_s) + "; renew it");
  }
  std::ranges::stable_sort(told, {}, &CertificateExpiry::expires_wall_s);
  if (told.size() > most_told) told.resize(most_told);
  setup_->certificates.insert(setup_->certificates.end(), told.begin(), told.end());
}

}  // namespace

TlsSettings client_tls(TlsFiles files) {
  TlsSettings settings;
  settings.files = std::move(files);
  return settings;
}

WatchedFiles<TlsSetup>::Made load_tls(const TlsSettings& settings) {
  Loading loading(settings);
  if (auto failure = loading.load()) return Made{*std::move(failure), loading.take_files()};
  return Made{loading.setup(), loading.take_files()};
}

std::string check_client_tls(const TlsFiles& files, std::vector<std::string>& warnings) {
  const auto made = load_tls(client_tls(files));
  if (!made.product) return made.product.error().message;
  warnings = (*made.product)->warnings;
  return "";
}

WatchedFiles<TlsSetup> watch_tls(std::string purpose, TlsSettings settings) {
  auto make = [settings = std::move(settings)] {
    Made made = load_tls(settings);
    if (made.product)
      for (const std::string& warning : (*made.product)->warnings) log::warn(warning);
    return made;
  };
  return {std::move(purpose), std::move(make)};
}

}  // namespace flopwatt
