#include "runtime/tls/pem.h"

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <string_view>

namespace flopwatt {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using BioPtr = std::unique_ptr<BIO, FreeBio>;

BioPtr bio_of(const std::string& text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Answers OpenSSL's question for a password, so that it does not ask on a terminal.
int refuse_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

bool is_at_the_end_of_pem() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

std::string name_text(const X509_NAME* name) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  // Escapes control characters, and what is beyond ASCII.
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_ctrl(out.get(), BIO_CTRL_INFO, 0, &data);
  return {data, size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::int64_t seconds_of_time(const ASN1_TIME* time) {
  std::tm utc{};
  return ASN1_TIME_to_tm(time, &utc) == 1 ? std::int64_t{::timegm(&utc)} : 0;
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ASN1_STRING_length(address) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(address) != 16) return "";
  ::inet_ntop(family, ASN1_STRING_get0_data(address), text.data(), text.size());
  return text.data();
}

std::string printable_ascii(const ASN1_STRING* value) {
  std::string text;
  for (int i = 0; i < ASN1_STRING_length(value) && text.size() < 255; ++i) {
    const unsigned char byte = ASN1_STRING_get0_data(value)[i];
    text += byte > 0x20 && byte < 0x7f ? static_cast<char>(byte) : '?';
  }
  return text;
}

}  // namespace

Result<std::vector<CertificatePtr>, std::string> parse_certificates(const std::string& text) {
  ERR_clear_error();
  const BioPtr bio = bio_of(text);
  std::vector<CertificatePtr> certificates;
  while (CertificatePtr next{PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)})
    certificates.push_back(std::move(next));
  const bool ended = is_at_the_end_of_pem();
  const std::string reason = take_openssl_reason();
  if (!ended)
    return "certificate " + std::to_string(certificates.size() + 1) +
           " of it is damaged or cut off: " + reason;
  if (certificates.empty())
    return std::string(
        "it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----); convert it by openssl x509 "
        "-inform DER");
  return certificates;
}

Result<KeyPtr, std::string> parse_private_key(const std::string& text) {
  ERR_clear_error();
  bool asked = false;
  KeyPtr key(PEM_read_bio_PrivateKey(bio_of(text).get(), nullptr, &refuse_password, &asked));
  const bool nothing = text.find("PRIVATE KEY-----") == std::string::npos;
  const std::string reason = take_openssl_reason();
  if (key) return key;
  if (asked)
    return std::string(
        "the key is encrypted, and nobody is there to type its password; decrypt it by openssl pkey -in OLD "
        "-out NEW");
  if (nothing)
    return std::string(
        "it holds no private key in PEM form (-----BEGIN PRIVATE KEY-----); convert it by openssl pkey "
        "-inform DER");
  return "the key is damaged or cut off: " + reason;
}

std::string subject_of(const X509* certificate) { return name_text(X509_get_subject_name(certificate)); }

std::string issuer_of(const X509* certificate) { return name_text(X509_get_issuer_name(certificate)); }

std::vector<std::string> alternative_names_of(const X509* certificate) {
  std::vector<std::string> names;
  auto* all =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    int type = 0;
    const auto* value =
        static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &type));
    if (type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI) names.push_back(printable_ascii(value));
    if (type == GEN_IPADD) names.push_back(address_text(value));
  }
  GENERAL_NAMES_free(all);
  return names;
}

std::string names_of(const X509* certificate) {
  std::string list;
  for (const std::string& name : alternative_names_of(certificate)) list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? subject_of(certificate) : list;
}

std::int64_t expiry_of(const X509* certificate) { return seconds_of_time(X509_get0_notAfter(certificate)); }

std::int64_t beginning_of(const X509* certificate) {
  return seconds_of_time(X509_get0_notBefore(certificate));
}

std::string utc_minute_text(std::int64_t wall_s) {
  const auto time = static_cast<std::time_t>(wall_s);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &utc)};
}

std::string take_openssl_reason() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "error " + std::to_string(error) : reason;
}

}  // namespace flopwatt
