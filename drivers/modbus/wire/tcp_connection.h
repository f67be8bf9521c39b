// A Connection over TCP. Its conversation says whether the frames are those of Modbus TCP or of RTU.
//
// The connection is closed
//   where its framing is in doubt
//   after a timeout in the middle of a frame, or with a conversation that does not recognise a late answer
//   after two timeouts in a row
//   where the socket reports an error
// Otherwise it stays open after a timeout, and the late answer is dropped.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "config/config.h"
#include "drivers/modbus/wire/backoff.h"
#include "drivers/modbus/wire/connection.h"
#include "drivers/modbus/wire/conversation.h"
#include "drivers/modbus/wire/deadlines.h"
#include "drivers/modbus/wire/descriptor.h"
#include "drivers/modbus/wire/readable.h"
#include "drivers/modbus/wire/rtu_conversation.h"
#include "readings/result.h"
#include "runtime/host_lookup.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

inline constexpr std::chrono::seconds connect_timeout{3};

/// Shortest time between two openings of a connection to one address. More frequent openings break the
/// network stack of some devices.
inline constexpr std::chrono::seconds reconnect_spacing{1};

template <class AnyConversation>
class StreamConnection final : public Connection {
 public:
  StreamConnection(const boost::asio::any_io_executor& executor, ModbusAddress address);
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;

  /// Ends a transaction at its deadline. Has to run beside the reads: without it nothing times out.
  boost::asio::awaitable<void> watch() override;

  /// Devices close idle connections: where a connection that has answered before is closed, it is opened
  /// again and the read is repeated, once.
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
  /// Why there is no connection; nullopt where the socket is connected.
  boost::asio::awaitable<std::optional<std::string>> open_socket();
  Fault timed_out(const ReadRequest& request, const ReadOptions& options);
  Fault lost(const ReadRequest& request, const std::string& reason);
  [[nodiscard]] std::optional<Fault> before_asking(const ReadRequest& request);

  ModbusAddress address_;
  boost::asio::any_io_executor executor_;
  Descriptor socket_;
  Readable readable_;
  Deadline deadline_;
  HostLookup lookup_;
  std::size_t next_address_ = 0;  // so that an address that swallows packets does not hide the others
  AnyConversation conversation_;
  Moment sent_;  // when the open request was sent

  bool answered_ = false;  // a request was answered on this connection
  int timeouts_in_a_row_ = 0;
  SteadyTime last_transaction_{};
  SteadyTime last_connect_{};
  // Fails with every connection that never gave an answer.
  Backoff backoff_{backoff_from(reconnect_spacing)};
  std::string connect_fault_;  // while it fails; names no request, since all reads report it
};

using TcpConnection = StreamConnection<Conversation>;
using RtuTcpConnection = StreamConnection<RtuConversation>;

}  // namespace flopwatt::modbus
