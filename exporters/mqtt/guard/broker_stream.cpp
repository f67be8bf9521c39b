#include "exporters/mqtt/guard/broker_stream.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>
#include <vector>

#include "runtime/tls/handshake.h"

namespace flopwatt::mqtt {
namespace {

using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr auto lookup_limit = 3s, connect_limit = 3s, handshake_limit = 3s, goodbye_limit = 1s;
constexpr std::chrono::milliseconds least_share = 500ms;  // of the time for all addresses

std::string words_of(const error_code& error, const std::string& place) {
  if (error == asio::error::connection_refused)
    return "nobody listens at " + place + "; start the broker there, or correct `broker`";
  if (error == asio::error::host_unreachable || error == asio::error::network_unreachable)
    return "there is no way to " + place + " (" + error.message() +
           "); is that host on, and is the network up?";
  return place + ": " + error.message();
}

// nullopt: no answer in time.
awaitable<std::optional<error_code>> connect(tcp::socket& socket, const tcp::endpoint& to,
                                             std::chrono::steady_clock::duration limit) {
  const auto result =
      co_await with_timeout(socket.async_connect(to, asio::as_tuple(asio::use_awaitable)), limit);
  if (!result) co_return std::nullopt;
  co_return std::get<0>(*result);
}

}  // namespace

std::string BrokerPlace::text() const {
  const std::string port_text = ':' + std::to_string(port);
  return host.find(':') == std::string::npos ? host + port_text : '[' + host + ']' + port_text;
}

std::string place_of(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string port = ':' + std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? '[' + address + ']' + port : address + port;
}

BrokerStream::BrokerStream(tcp::socket socket, BrokerPlace place)
    : place_(std::move(place)), socket_(std::move(socket)), peer_(socket_.remote_endpoint()) {
  if (place_.tls) tls_.emplace(socket_, *place_.tls);
}

awaitable<Result<std::unique_ptr<BrokerStream>>> BrokerStream::open(BrokerPlace place, HostLookup& lookup) {
  const auto found = co_await with_timeout(lookup.find(), lookup_limit);
  if (!found)
    co_return Fault{FaultClass::timeout,
                    "name server does not tell the address of " + place.host + " within 3 s", 0};
  if (!*found)
    co_return Fault{FaultClass::connection, "no address of " + place.host + ": " + found->error().message, 0};
  std::vector<tcp::endpoint> endpoints;
  for (const asio::ip::address& address : **found) endpoints.emplace_back(address, place.port);
  const auto share = std::max<std::chrono::steady_clock::duration>(
      least_share, connect_limit / static_cast<int>(endpoints.size()));
  const auto end = std::chrono::steady_clock::now() + connect_limit;
  std::string why;
  FaultClass fault_class = FaultClass::connection;
  for (const tcp::endpoint& endpoint : endpoints) {
    if (std::chrono::steady_clock::now() >= end) break;
    tcp::socket socket(co_await asio::this_coro::executor);
    const auto error = co_await connect(socket, endpoint, share);
    if (error && !*error) {
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      std::unique_ptr<BrokerStream> stream(new BrokerStream(std::move(socket), std::move(place)));
      if (const Result<Done> done = co_await stream->shake_hands(); !done) co_return done.error();
      co_return stream;
    }
    fault_class = error ? FaultClass::connection : FaultClass::timeout;
    why += why.empty() ? "" : "; ";
    why += error ? words_of(*error, place_of(endpoint))
                 : place_of(endpoint) +
                       " does not answer; is that host on, and does a firewall let the agent through?";
  }
  co_return Fault{fault_class, why, 0};
}

awaitable<Result<Done>> BrokerStream::shake_hands() {
  if (!tls_) co_return Done{};
  const std::string to = "TLS with " + place_of(peer_) + ": ";
  if (!expect_host(tls_->native_handle(), place_.host))
    co_return Fault{FaultClass::connection, to + place_.host + " can be no name in a certificate", 0};
  const auto shaken = co_await with_timeout(
      tls_->async_handshake(asio::ssl::stream_base::client, asio::as_tuple(asio::use_awaitable)),
      handshake_limit);
  if (!shaken)
    co_return Fault{FaultClass::timeout,
                    to + "no answer within 3 s; does it speak TLS on this port (mqtts, usually 8883)?", 0};
  if (const error_code error = std::get<0>(*shaken); error)
    co_return Fault{FaultClass::connection, to + tls_failure_words(tls_->native_handle(), error), 0};
  co_return Done{};
}

void BrokerStream::fail(const error_code& error) {
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  if (error == asio::error::eof || error == asio::error::connection_reset ||
      error == asio::ssl::error::stream_truncated)
    why_ = "the broker closed the connection";
  else if (tls_)
    why_ = tls_failure_words(tls_->native_handle(), error);
  else
    why_ = error.message();
}

awaitable<std::size_t> BrokerStream::read_some(std::span<std::uint8_t> into) {
  const auto buffer = asio::buffer(into.data(), into.size());
  error_code error;
  std::size_t length = 0;
  if (tls_)
    length = co_await tls_->async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  else
    length = co_await socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error) fail(error);
  co_return error ? 0 : length;
}

awaitable<bool> BrokerStream::write(std::span<const std::uint8_t> bytes) {
  const auto buffer = asio::buffer(bytes.data(), bytes.size());
  error_code error;
  if (tls_)
    co_await asio::async_write(*tls_, buffer, asio::redirect_error(asio::use_awaitable, error));
  else
    co_await asio::async_write(socket_, buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error) fail(error);
  co_return !error;
}

awaitable<void> BrokerStream::close() {
  if (tls_) {
    const auto goodbye =
        co_await with_timeout(tls_->async_shutdown(asio::as_tuple(asio::use_awaitable)), goodbye_limit);
    (void)goodbye;
  }
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
}

}  // namespace flopwatt::mqtt
