// Stands between Paho and the network. Paho (C 1.3.12) looks names up under its one lock, tries one address, buffers
// whole packets of any size, and has a TLS of its own that is configured by file names only. So it connects to
// the guard, over the loopback interface, and the guard connects to the broker: it tries all addresses, speaks TLS,
// bounds what a broker may send, and tells in words why there is no connection. Packets pass unchanged.
//
// A guard has a thread of its own: a broker that sends as fast as it can delays neither polls nor scrapes.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/mqtt/guard/relay.h"
#include "runtime/condition.h"

namespace flopwatt::mqtt {

/// One connection through a guard. Used on the loop that opened it. When it is gone, what Paho has written goes out
/// within a second, and the connection ends.
class GuardedLink : public std::enable_shared_from_this<GuardedLink> {
 public:
  ~GuardedLink();  // NOLINT(bugprone-exception-escape)
  GuardedLink(const GuardedLink&) = delete;
  GuardedLink& operator=(const GuardedLink&) = delete;

  /// On which Paho finds the broker at 127.0.0.1; one connection, of this process, within 5 s.
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// The address of the broker that took the connection.
  [[nodiscard]] const asio::ip::tcp::endpoint& broker() const { return broker_; }
  /// Set once the connection has ended; Paho is told after that.
  [[nodiscard]] const std::optional<RelayEnd>& end() const { return end_; }
  /// Called then.
  std::function<void()> on_ended;
  /// Returns then, or at `limit`.
  [[nodiscard]] awaitable<void> until_ended(std::chrono::steady_clock::time_point limit);

 private:
  friend class Guard;
  struct Control;

  explicit GuardedLink(std::shared_ptr<Control> control) : control_(std::move(control)) {}
  void on_open(Result<std::uint16_t> port, asio::ip::tcp::endpoint broker);
  void on_end(RelayEnd end);

  const std::shared_ptr<Control> control_;
  std::optional<Result<std::uint16_t>> opened_;
  Condition opened_changed_, ended_;
  std::uint16_t port_ = 0;
  asio::ip::tcp::endpoint broker_;
  std::optional<RelayEnd> end_;
};

class Guard {
 public:
  Guard() = default;
  /// Ends all connections; what Paho has written goes out, for 300 ms at most.
  ~Guard();  // NOLINT(bugprone-exception-escape)
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// A connection to the broker, or why there is none. The first call starts the thread; a Fault where none is left.
  /// The guard must outlive what it opened. One call at a time, and always of the same host: a look-up that hangs is
  /// waited for by the next call.
  [[nodiscard]] awaitable<Result<std::shared_ptr<GuardedLink>>> open(BrokerPlace place);

 private:
  void keep(const std::shared_ptr<GuardedLink::Control>& control);

  asio::io_context loop_{1};
  std::vector<std::weak_ptr<GuardedLink::Control>> controls_;  // of the guard's loop
  std::optional<HostLookup> lookup_;                           // of the guard's loop
  asio::executor_work_guard<asio::io_context::executor_type> goes_on_{loop_.get_executor()};
  std::thread thread_;
};

}  // namespace flopwatt::mqtt
