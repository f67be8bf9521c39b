// The stream of bytes to a broker: TCP to the first of its addresses that takes the connection, and TLS where it is
// asked for. One loop.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "readings/result.h"
#include "runtime/async.h"
#include "runtime/host_lookup.h"

namespace flopwatt::mqtt {

struct BrokerPlace {
  std::string host;  ///< a name or a numeric address, an IPv6 address without brackets
  std::uint16_t port = 1883;
  std::shared_ptr<asio::ssl::context> tls;  ///< null: plain TCP

  /// "broker.example:1883", "[2001:db8::1]:1883"
  [[nodiscard]] std::string text() const;
};

/// "192.0.2.1:1883", "[2001:db8::1]:1883"
[[nodiscard]] std::string place_of(const asio::ip::tcp::endpoint& endpoint);

class BrokerStream {
 public:
  /// Looks the name up, tries its addresses in turn and, with TLS, verifies that the broker is `place.host`. A
  /// Fault of class connection or timeout says which address answers how, and what to do. Takes 9 s at most.
  /// `lookup`: of that host.
  [[nodiscard]] static awaitable<Result<std::unique_ptr<BrokerStream>>> open(BrokerPlace place,
                                                                             HostLookup& lookup);

  /// At least one byte; 0: the broker has closed the connection, or it broke. `why()` tells.
  awaitable<std::size_t> read_some(std::span<std::uint8_t> into);
  /// All bytes; false: the connection broke.
  awaitable<bool> write(std::span<const std::uint8_t> bytes);
  /// Says goodbye with TLS, for a second at most, and closes.
  awaitable<void> close();

  /// Why read_some() or write() failed, in words.
  [[nodiscard]] const std::string& why() const { return why_; }
  [[nodiscard]] asio::ip::tcp::endpoint peer() const { return peer_; }

 private:
  BrokerStream(asio::ip::tcp::socket socket, BrokerPlace place);
  awaitable<Result<Done>> shake_hands();
  void fail(const boost::system::error_code& error);

  const BrokerPlace place_;
  asio::ip::tcp::socket socket_;
  asio::ip::tcp::endpoint peer_;
  std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> tls_;
  std::string why_;
};

}  // namespace flopwatt::mqtt
