#include "exporters/mqtt/look.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

namespace flopwatt::mqtt {
namespace {

using asio::ip::tcp;
using namespace std::string_view_literals;

constexpr std::chrono::seconds look_limit{3};

/// MQTT 5, clean start, keep alive 60 s, no properties, an empty client id.
constexpr std::string_view connect_packet = "\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00"sv;
/// The least that is a ClientHello of TLS 1.2: a random number of zeros, one cipher suite.
constexpr std::string_view client_hello =
    "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x02\xc0\x2f\x01\x00"sv;

/// The answer to `request`.
awaitable<Answerer> ask(tcp::endpoint endpoint, std::string_view request) {
  tcp::socket socket(co_await asio::this_coro::executor);
  const auto [refused] = co_await socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
  if (refused == asio::error::connection_refused) co_return Answerer::nobody;
  if (refused) co_return Answerer::unreachable;
  const auto [unsent, sent] =
      co_await asio::async_write(socket, asio::buffer(request), asio::as_tuple(asio::use_awaitable));
  if (unsent) co_return Answerer::closes;
  std::array<char, 16> answer{};
  const auto [ended, length] =
      co_await socket.async_read_some(asio::buffer(answer), asio::as_tuple(asio::use_awaitable));
  if (ended || length == 0) co_return Answerer::closes;
  co_return answerer_of({answer.data(), length});
}

}  // namespace

Answerer answerer_of(std::string_view first_bytes) {
  constexpr unsigned char connack = 0x20, disconnect = 0xE0, alert = 0x15, handshake = 0x16, version = 0x03;
  if (first_bytes.empty()) return Answerer::closes;
  const auto byte = [&](std::size_t i) {
    return i < first_bytes.size() ? static_cast<unsigned char>(first_bytes[i]) : 0U;
  };
  if ((byte(0) == alert || byte(0) == handshake) && byte(1) == version) return Answerer::tls;
  if (first_bytes.starts_with("HTTP/")) return Answerer::web;
  if (byte(0) == connack || byte(0) == disconnect) return Answerer::broker;
  return Answerer::other;
}

awaitable<Answerer> look_at(asio::ip::address address, std::uint16_t port) {
  const tcp::endpoint endpoint(address, port);
  const auto first = co_await with_timeout(ask(endpoint, connect_packet), look_limit);
  if (!first) co_return Answerer::silent;
  if (*first != Answerer::closes) co_return *first;
  const auto second = co_await with_timeout(ask(endpoint, client_hello), look_limit);
  co_return second == Answerer::tls ? Answerer::tls : Answerer::closes;
}

std::string text_of(Answerer answerer, const std::string& place) {
  switch (answerer) {
    case Answerer::nobody:
      return "nobody listens at " + place + "; start the broker there, or correct `broker`";
    case Answerer::unreachable:
      return place + " cannot be reached; is that host on, and is there a way to it?";
    case Answerer::silent:
      return place +
             " does not answer; is that host on, does a firewall let the agent through, and is it an MQTT "
             "broker?";
    case Answerer::closes:
      return place +
             " takes the connection and closes it without an answer, as a broker does that does not want "
             "this "
             "client or this version of MQTT; its log knows why, and `protocol: 3.1.1` may help";
    case Answerer::tls:
      return "a TLS server answers at " + place +
             "; write mqtts:// in `broker`, or the port of plain MQTT, usually 1883";
    case Answerer::web:
      return "a web server answers at " + place + "; write the broker's port of MQTT, usually 1883";
    case Answerer::broker:
      return "the connection with the broker at " + place + " ended before it was up";
    case Answerer::other:
      break;
  }
  return "what answers at " + place + " is no MQTT broker; correct `broker`";
}

}  // namespace flopwatt::mqtt
