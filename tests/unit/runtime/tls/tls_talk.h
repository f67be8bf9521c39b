// Two TLS ends in memory, without sockets.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/ssl/error.hpp>
#include <memory>
#include <string>

#include "runtime/tls/handshake.h"
#include "runtime/tls/tls_setup.h"

namespace flopwatt::test {

class TlsTalk {
 public:
  TlsTalk(const TlsSetup& client, const TlsSetup& server)
      : TlsTalk(client, server.context->native_handle()) {}
  TlsTalk(const TlsSetup& client, SSL_CTX* server)
      : client_(SSL_new(client.context->native_handle())), server_(SSL_new(server)) {
    BIO *near = nullptr, *far = nullptr;
    BIO_new_bio_pair(&near, 0, &far, 0);
    SSL_set_bio(client_.get(), near, near);
    SSL_set_bio(server_.get(), far, far);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
  }

  SSL* client() { return client_.get(); }
  SSL* server() { return server_.get(); }

  /// Whether both ends are through; then the client has also read what the server said after that.
  bool shake() {
    for (int i = 0; i < 10; ++i) {
      step(client(), client_fault);
      step(server(), server_fault);
    }
    char byte = 0;
    SSL_read(client(), &byte, 1);
    keep_error(client(), -1, client_fault);
    return client_fault.empty() && server_fault.empty() && SSL_is_init_finished(server()) == 1;
  }

  std::string client_fault, server_fault;  ///< tls_failure_words()

 private:
  void step(SSL* end, std::string& fault) {
    if (fault.empty()) keep_error(end, SSL_do_handshake(end), fault);
  }
  static void keep_error(SSL* end, int result, std::string& fault) {
    const unsigned long error = ERR_peek_last_error();
    ERR_clear_error();
    if (result == 1 || error == 0 || !fault.empty()) return;
    fault = tls_failure_words(end, {static_cast<int>(error), boost::asio::error::get_ssl_category()});
  }
  struct Free {
    void operator()(SSL* end) const { SSL_free(end); }
  };
  std::unique_ptr<SSL, Free> client_, server_;
};

}  // namespace flopwatt::test
