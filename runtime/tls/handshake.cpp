#include "runtime/tls/handshake.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>

#include "runtime/tls/peer_check.h"

namespace flopwatt {
namespace {

// What an end says before it closes, or what we found; nullptr: nothing better than OpenSSL's words.
const char* words_of_reason(int reason) {
  switch (reason) {
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
      return "no common version of TLS: here it is 1.2 or 1.3";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return "the other end does not speak TLS on this port";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
    case SSL_R_NO_SHARED_CIPHER:
      return "no common cipher, or the other end wants a certificate (cert_file, key_file)";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "a client certificate is needed; set cert_file and key_file";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "the other end does not know the issuer of our certificate";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "the other end says that our certificate has expired; renew it, or is a clock wrong?";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
      return "the other end refuses our certificate";
    case SSL_R_TLSV1_UNRECOGNIZED_NAME:
      return "the other end knows no host of this name";
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return "its certificate cannot be verified";
    default:
      return nullptr;
  }
}

// SSL_set_tlsext_host_name() without its cast; OpenSSL copies the name.
bool set_server_name(SSL* connection, std::string host) {
  return SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1;
}

}  // namespace

bool expect_host(SSL* connection, const std::string& host) {
  boost::system::error_code not_an_address;
  const auto address = boost::asio::ip::make_address(host, not_an_address);
  if (!not_an_address) {
    // Without the scope of a link-local address, which no certificate has.
    const std::string number = host.substr(0, host.find('%'));
    return !address.is_unspecified() &&
           X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection), number.c_str()) == 1;
  }
  SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return !host.empty() && set_server_name(connection, host) && SSL_set1_host(connection, host.c_str()) == 1;
}

std::string tls_failure_words(const SSL* connection, const boost::system::error_code& error) {
  if (std::string refusal = peer_refusal(connection); !refusal.empty()) return refusal;
  if (error.category() == boost::asio::error::get_ssl_category()) {
    const char* words = words_of_reason(ERR_GET_REASON(static_cast<unsigned long>(error.value())));
    if (words != nullptr) return words;
  }
  if (error == boost::asio::ssl::error::stream_truncated || error == boost::asio::error::eof ||
      error == boost::asio::error::connection_reset)
    return "the other end closed the connection during the TLS handshake; does it speak TLS on this port?";
  return error.message();
}

}  // namespace flopwatt
