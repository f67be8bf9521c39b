// The two ends of a TLS stream in words: whom a client expects, and why a handshake failed.
#pragma once

#include <openssl/ssl.h>

#include <boost/system/error_code.hpp>
#include <string>

namespace flopwatt {

/// A client's stream, before its handshake: sends `host` as server name (SNI, not for addresses), and takes only a
/// certificate for it. `host`: a name, or an address without brackets. False: it can be neither.
[[nodiscard]] bool expect_host(SSL* connection, const std::string& host);

/// Why the handshake, or the first read after it (TLS 1.3 tells a client then that its certificate is refused),
/// failed with `error`: part of a sentence, where there is one with the cure.
[[nodiscard]] std::string tls_failure_words(const SSL* connection, const boost::system::error_code& error);

}  // namespace flopwatt
