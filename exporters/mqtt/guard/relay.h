// One guarded connection: broker <-> relay <-> Paho, which connects to a port of the loopback interface. On the
// guard's loop.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "exporters/mqtt/guard/broker_stream.h"
#include "exporters/mqtt/guard/packet_reader.h"

namespace flopwatt::mqtt {

/// What Paho cannot tell of a connection.
struct RelayEnd {
  std::string why;          ///< in words; "": Paho closed it
  std::string first_bytes;  ///< at most 1024, of what the broker sent
};

class Relay {
 public:
  /// Largest packet that is taken from a broker, and what PUBLISH packets may come to in a second, in bytes: what
  /// is more waits at the broker.
  static constexpr std::size_t largest_packet = std::size_t{64} * 1024,
                               published_a_second = std::size_t{256} * 1024;
  /// How long Paho may take to connect.
  static constexpr std::chrono::seconds accept_limit{5};

  using OnOpen = std::function<void(Result<std::uint16_t>, asio::ip::tcp::endpoint broker)>;
  using OnEnd = std::function<void(RelayEnd)>;

  /// The callbacks are called on the guard's loop: `on_open` once, with the port for Paho or why there is no
  /// connection to the broker; after a port `on_end` once, before Paho learns of the end.
  /// `lookup`: of the host of `place`.
  Relay(BrokerPlace place, HostLookup& lookup, OnOpen on_open, OnEnd on_end)
      : place_(std::move(place)), lookup_(lookup), on_open_(std::move(on_open)), on_end_(std::move(on_end)) {}

  /// Until both ends are closed. Cancelled, it closes both at once.
  awaitable<void> run();

 private:
  awaitable<void> connect_and_relay();
  awaitable<bool> accept_paho(asio::ip::tcp::acceptor& acceptor);
  awaitable<void> relay();
  awaitable<bool> leave_paho();
  awaitable<void> pump_to_broker();
  awaitable<void> pump_to_paho();
  awaitable<bool> forward(std::span<const std::uint8_t> bytes);
  void look_at(std::span<const std::uint8_t> bytes);
  awaitable<void> keep_to_budget();

  const BrokerPlace place_;
  HostLookup& lookup_;
  const OnOpen on_open_;
  const OnEnd on_end_;
  std::unique_ptr<BrokerStream> broker_;
  std::optional<asio::ip::tcp::socket> paho_;
  PacketReader packets_{largest_packet};
  RelayEnd end_;
  bool is_open_ = false, is_first_ = true;
  std::size_t published_bytes_ = 0;  // since budget_from_
  std::chrono::steady_clock::time_point budget_from_{};
};

}  // namespace flopwatt::mqtt
