// What a context checks of its peers' certificates, and how a stream tells what it found wrong.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <vector>

namespace flopwatt {

/// `verified`: by the authorities of `context`; then `allowed` holds as TlsSettings::allowed_peers. `mode`: as
/// of SSL_CTX_set_verify().
void check_peers(SSL_CTX* context, int mode, bool verified, std::vector<std::string> allowed);

/// What was wrong with the peer's certificate, part of a sentence; "": nothing, or not checked.
[[nodiscard]] std::string peer_refusal(const SSL* connection);

}  // namespace flopwatt
