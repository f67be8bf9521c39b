#include "exporters/mqtt/guard/relay.h"

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <utility>
#include <vector>

#include "exporters/mqtt/guard/own_end.h"

namespace flopwatt::mqtt {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t chunk = 16'384;
constexpr std::chrono::seconds leave_limit{1};
constexpr std::size_t told_bytes = 1024;  // of the first ones: a CONNACK

}  // namespace

awaitable<void> Relay::run() {
  std::string fault;
  try {
    co_await connect_and_relay();
    co_return;
  } catch (const boost::system::system_error& failed) {  // no descriptor is left, say
    fault = failed.what();
  }
  if (is_open_)
    on_end_({fault, end_.first_bytes});
  else
    on_open_(Fault{FaultClass::connection, fault, 0}, {});
}

awaitable<void> Relay::connect_and_relay() {
  auto opened = co_await BrokerStream::open(place_, lookup_);
  if (!opened) {
    on_open_(opened.error(), {});
    co_return;
  }
  broker_ = std::move(*opened);
  tcp::acceptor acceptor(co_await asio::this_coro::executor, {asio::ip::address_v4::loopback(), 0});
  is_open_ = true;
  on_open_(acceptor.local_endpoint().port(), broker_->peer());
  const auto accepted = co_await with_timeout(accept_paho(acceptor), accept_limit);
  acceptor.close();
  if (accepted.value_or(false)) co_await relay();
  on_end_(std::move(end_));
  if (paho_) co_await with_timeout(leave_paho(), leave_limit);
  paho_.reset();
  co_await broker_->close();
}

// Anybody else who connects to the port is sent away.
awaitable<bool> Relay::accept_paho(tcp::acceptor& acceptor) {
  for (;;) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
    if (!is_own_end(socket)) continue;
    socket.set_option(tcp::no_delay(true), error);
    paho_ = std::move(socket);
    co_return true;
  }
}

// Paho reads to the end what the broker has said last. Closing would throw that away where Paho has written more, and
// says nothing while a child of this process, forked amid all this, holds the socket.
awaitable<bool> Relay::leave_paho() {
  error_code error;
  paho_->shutdown(tcp::socket::shutdown_send, error);
  std::array<std::uint8_t, 4096> unsent{};
  while (!error)
    co_await paho_->async_read_some(asio::buffer(unsent), asio::redirect_error(asio::use_awaitable, error));
  paho_->shutdown(tcp::socket::shutdown_both, error);
  co_return true;
}

// The end of one direction is the end of both: what came before it has been passed on.
awaitable<void> Relay::relay() {
  std::vector<awaitable<void>> directions;
  directions.push_back(pump_to_broker());
  directions.push_back(pump_to_paho());
  co_await run_until_first_ends(std::move(directions));
}

awaitable<void> Relay::pump_to_broker() {
  std::vector<std::uint8_t> bytes(chunk);
  for (;;) {
    error_code error;
    const std::size_t length = co_await paho_->async_read_some(
        asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    if (!co_await broker_->write({bytes.data(), length})) {
      // What the broker said before it closed may still be on its way: the other direction reads it to the end.
      end_.why = broker_->why();
      co_await sleep_until(std::chrono::steady_clock::now() + leave_limit);
      co_return;
    }
  }
}

awaitable<void> Relay::pump_to_paho() {
  std::vector<std::uint8_t> bytes(chunk);
  while (packets_.fault() == PacketReader::Fault::none) {
    const std::size_t length = co_await broker_->read_some(bytes);
    if (length == 0) {
      end_.why = broker_->why();
      co_return;
    }
    look_at({bytes.data(), length});
    if (packets_.fault() != PacketReader::Fault::none) co_return;
    if (!co_await forward({bytes.data(), length})) co_return;
    co_await keep_to_budget();
  }
}

awaitable<bool> Relay::forward(std::span<const std::uint8_t> bytes) {
  error_code error;
  co_await asio::async_write(*paho_, asio::buffer(bytes.data(), bytes.size()),
                             asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

void Relay::look_at(std::span<const std::uint8_t> bytes) {
  if (end_.first_bytes.size() < told_bytes)
    end_.first_bytes.append(
        bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(
                                           std::min(bytes.size(), told_bytes - end_.first_bytes.size())));
  while (!bytes.empty() && packets_.fault() == PacketReader::Fault::none) {
    const std::size_t read = packets_.read(bytes);
    if (packets_.type() == PacketType::publish) published_bytes_ += read;
    if (is_first_ && packets_.type() != PacketType::connack && packets_.type() != PacketType::disconnect) {
      end_.why = "what answers is no MQTT broker";
      packets_.give_up();
    }
    if (packets_.at_boundary()) is_first_ = false;
    bytes = bytes.subspan(read);
  }
  if (packets_.fault() == PacketReader::Fault::too_large)
    end_.why = "it began a packet of " + std::to_string(packets_.packet_bytes()) +
               " bytes; the agent takes " + std::to_string(largest_packet) +
               ", and has asked for no messages";
  if (packets_.fault() == PacketReader::Fault::malformed && end_.why.empty())
    end_.why = "what it sent is no MQTT";
}

awaitable<void> Relay::keep_to_budget() {
  const auto now = std::chrono::steady_clock::now();
  if (now - budget_from_ >= std::chrono::seconds(1)) {
    budget_from_ = now;
    published_bytes_ = 0;
  }
  if (published_bytes_ > published_a_second) co_await sleep_until(budget_from_ + std::chrono::seconds(1));
}

}  // namespace flopwatt::mqtt
