// A Connection over TCP, with Modbus TCP frames or RTU frames in it: the conversation tells one from the
// other.
//
// A timeout keeps a connection whose conversation tells a late answer from the next one, and the late answer
// is dropped when it comes. The connection is closed when its framing is in doubt, when a timeout leaves a
// frame half received, after two timeouts in a row, and when it fails.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "config/config.h"
#include "drivers/modbus/wire/backoff.h"
#include "drivers/modbus/wire/connection.h"
#include "drivers/modbus/wire/conversation.h"
#include "drivers/modbus/wire/descriptor.h"
#include "drivers/modbus/wire/readable.h"
#include "drivers/modbus/wire/rtu_conversation.h"
#include "readings/result.h"
#include "runtime/host_lookup.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

inline constexpr std::chrono::seconds connect_timeout{3};

/// Connections to one address are opened at most this often: there are devices whose network stack dies of
/// more.
inline constexpr std::chrono::seconds reconnect_spacing{1};

template <class AnyConversation>
class StreamConnection final : public Connection {
 public:
  StreamConnection(const boost::asio::any_io_executor& executor, ModbusAddress address);
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;

  /// Ends a transaction at its deadline. Runs beside the reads until it is cancelled; without it nothing
  /// times out. One timer that is seldom set again costs far less than a timer for each read.
  boost::asio::awaitable<void> watch() override;

  /// A connection that has answered before and turns out to be closed is opened again once, and the read
  /// repeated once: devices close idle connections.
  boost::asio::awaitable<Result<Answer>> read(const ReadRequest& request,
                                              const ReadOptions& options) override;

  void close() override;

  [[nodiscard]] SteadyTime retry_at() const override {
    return backoff_.failing() ? backoff_.retry_at() : SteadyTime{};
  }

 private:
  std::optional<Fault> ask(const ReadRequest& request, const ReadOptions& options);
  std::optional<Result<Answer>> take(const ReadRequest& request, const ReadOptions& options);
  boost::asio::awaitable<std::optional<Fault>> connect();
  /// Why not; nothing when the socket is connected.
  boost::asio::awaitable<std::optional<std::string>> open_socket();
  void begin_deadline(SteadyTime deadline);
  Fault timed_out(const ReadRequest& request, const ReadOptions& options);
  Fault lost(const ReadRequest& request, const std::string& reason);
  [[nodiscard]] std::optional<Fault> before_asking(const ReadRequest& request);

  ModbusAddress address_;
  boost::asio::any_io_executor executor_;
  Descriptor socket_;
  Readable readable_;
  HostLookup lookup_;
  std::size_t next_address_ = 0;  // so that an address that swallows packets does not hide the others
  AnyConversation conversation_;
  Moment sent_;  // the open request

  boost::asio::steady_timer watchdog_;
  SteadyTime deadline_ = SteadyTime::max();  // max: no transaction is open
  SteadyTime watched_until_ = SteadyTime::max();
  bool deadline_passed_ = false;

  bool answered_ = false;  // on this connection
  int timeouts_in_a_row_ = 0;
  SteadyTime last_transaction_{};
  SteadyTime last_connect_{};
  Backoff backoff_{backoff_from(reconnect_spacing)};  // fails with every connection that never gave an answer
  std::string connect_fault_;  // while it fails; names no request: others are told, too
};

using TcpConnection = StreamConnection<Conversation>;
using RtuTcpConnection = StreamConnection<RtuConversation>;

}  // namespace flopwatt::modbus
