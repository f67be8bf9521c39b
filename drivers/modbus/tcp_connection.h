// One Modbus TCP connection: "read n registers of unit u", with one absolute deadline for each transaction.
// It belongs to one bus, which makes one call at a time; metering loop only.
//
// A timeout keeps the connection, and the late answer is dropped when it comes. The connection is closed when
// its framing is in doubt, when a timeout leaves a frame half received, after two timeouts in a row, and when
// it fails.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "drivers/modbus/backoff.h"
#include "drivers/modbus/conversation.h"
#include "drivers/modbus/mbap.h"
#include "drivers/modbus/resolve.h"
#include "readings/reading_set.h"
#include "readings/result.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

inline constexpr std::chrono::seconds connect_timeout{3};

/// Connections to one address are opened at most this often: there are devices whose network stack dies of
/// more.
inline constexpr std::chrono::seconds reconnect_spacing{1};

/// What the meter that is read allows and needs.
struct ReadOptions {
  std::chrono::microseconds timeout{1'000'000};  ///< from sending the request to having the whole answer
  std::chrono::microseconds pause{0};            ///< silence after the transaction before
  bool accept_unit_mismatch = false;
};

struct Answer {
  Moment sent, received;
  std::span<const std::uint8_t> registers;  ///< 2 bytes each, as on the wire; valid until the next call
};

class TcpConnection {
 public:
  TcpConnection(const boost::asio::any_io_executor& executor, ModbusAddress address);
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  /// Ends a transaction at its deadline. Runs beside the reads until it is cancelled; without it nothing
  /// times out. One timer that is seldom set again costs far less than a timer for each read.
  boost::asio::awaitable<void> watch();

  /// One transaction; connects where it must. A connection that has answered before and turns out to be
  /// closed is opened again once, and the read repeated once: devices close idle connections. Faults:
  ///   timeout     no whole answer in time
  ///   exception   the device refuses; Fault::code is its exception code; the link is good
  ///   protocol    the framing was in doubt, the connection is closed
  ///   connection  no connection, or it broke; not before retry_at() is it tried again
  /// Throws only when cancelled.
  boost::asio::awaitable<Result<Answer>> read(const ReadRequest& request, const ReadOptions& options);

  /// Closes; the next read opens it again.
  void close();

  /// Until then every read fails at once for want of a connection; in the past where there is no reason to
  /// wait.
  [[nodiscard]] SteadyTime retry_at() const {
    return backoff_.failing() ? backoff_.retry_at() : SteadyTime{};
  }

 private:
  boost::asio::awaitable<Result<Answer>> transact(const ReadRequest& request, const ReadOptions& options);
  boost::asio::awaitable<std::optional<Fault>> connect();
  /// Why not; nothing when the socket is connected.
  boost::asio::awaitable<std::optional<std::string>> open_socket();
  void begin_deadline(SteadyTime deadline);
  Fault timed_out(const ReadRequest& request, const ReadOptions& options);
  Fault lost(const ReadRequest& request, const std::string& reason);
  [[nodiscard]] Fault fault(FaultClass fault_class, const ReadRequest& request, const std::string& outcome,
                            int code = 0) const;

  ModbusAddress address_;
  boost::asio::ip::tcp::socket socket_;
  NameLookup lookup_;
  std::size_t next_endpoint_ = 0;  // so that an address that swallows packets does not hide the others
  Conversation conversation_;

  boost::asio::steady_timer watchdog_;
  SteadyTime deadline_ = SteadyTime::max();  // max: no transaction is open
  SteadyTime watched_until_ = SteadyTime::max();
  bool deadline_passed_ = false;

  bool answered_ = false;  // on this connection
  int timeouts_in_a_row_ = 0;
  SteadyTime last_transaction_{};
  SteadyTime last_connect_{};
  Backoff backoff_{reconnect_spacing};  // fails with every connection that never gave an answer
  std::string connect_fault_;
};

}  // namespace flopwatt::modbus
