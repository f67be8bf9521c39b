// What answers at an address where no MQTT connection came about. Paho only says that there is none; the
// first bytes of an answer tell a TLS port, a web server, a broker of another kind and a dead port apart, and
// each has its own cure. Metering loop.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/async.h"

namespace flopwatt::mqtt {

enum class Answerer : unsigned char {
  nobody,       ///< the connection is refused
  unreachable,  ///< no connection within the limit, or the network says so
  silent,       ///< takes the connection and says nothing
  closes,       ///< takes the connection and closes it without a word
  tls,
  web,     ///< HTTP
  broker,  ///< MQTT, of whatever version
  other,   ///< speaks, but nothing of these
};

/// Of the first bytes of the answer to a CONNECT; `broker` and the rest of Answerer where there are none do
/// not come from here.
[[nodiscard]] Answerer answerer_of(std::string_view first_bytes);

/// Connects and sends a CONNECT with an empty client id; where that is closed without a word, connects again
/// and begins TLS. Takes 6 s at most.
[[nodiscard]] awaitable<Answerer> look_at(asio::ip::address address, std::uint16_t port);

/// What it is and what to do: "a web server answers there; …". `place`: "192.0.2.1:1883".
[[nodiscard]] std::string text_of(Answerer answerer, const std::string& place);

}  // namespace flopwatt::mqtt
