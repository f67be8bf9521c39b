// A Modbus TCP device on 127.0.0.1 that answers as a test says, well or badly.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "config/config.h"
#include "frames.h"
#include "runtime/async.h"

namespace flopwatt::modbus_test {

using std::chrono::milliseconds;
using tcp = boost::asio::ip::tcp;

/// One request as it came.
struct Asked {
  unsigned transaction = 0;  ///< 0 in RTU frames
  std::uint8_t unit = 0, function = 0;
  std::uint16_t address = 0, count = 0;
  int connection = 0;  ///< counts from 1
  int request = 0;     ///< of all connections, counts from 1
};

/// What is done about it.
struct Act {
  Bytes bytes{};
  milliseconds after{0};
  milliseconds between_bytes{0};  ///< > 0: a byte at a time
  bool then_close = false;
};

inline Bytes answer_to(const Asked& asked, const std::vector<std::uint16_t>& registers) {
  return answer(asked.transaction, asked.unit, asked.function, registers);
}

/// Every register holds `value`.
inline Act answers(const Asked& asked, std::uint16_t value) {
  return {.bytes = answer_to(asked, std::vector<std::uint16_t>(asked.count, value))};
}

class ScriptedMeter {
 public:
  using Script = std::function<Act(const Asked&)>;

  /// It speaks Modbus TCP, or RTU over TCP.
  ScriptedMeter(asio::io_context& io, Script script, Transport transport = Transport::tcp)
      : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        script_(std::move(script)),
        transport_(transport) {
    asio::co_spawn(io, serve(), keep);
  }

  ModbusAddress address() const { return {"127.0.0.1", acceptor_.local_endpoint().port(), transport_}; }
  int connections() const { return connections_; }
  int requests() const { return requests_; }

 private:
  using Socket = std::shared_ptr<tcp::socket>;

  // A device does not care why a client went away.
  static void keep(const std::exception_ptr& failure) {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const boost::system::system_error&) {
    }
  }

  awaitable<void> serve() {
    for (;;) {
      auto socket = std::make_shared<tcp::socket>(co_await acceptor_.async_accept(asio::use_awaitable));
      asio::co_spawn(acceptor_.get_executor(), listen(std::move(socket), ++connections_), keep);
    }
  }

  awaitable<void> listen(Socket socket, int connection) {
    for (;;) {
      std::array<std::uint8_t, 14> bytes{};  // as over TCP, from unit id on the same
      const bool rtu = transport_ == Transport::rtu_tcp;
      const auto place = rtu ? asio::buffer(bytes.data() + 6, 8) : asio::buffer(bytes.data(), 12);
      co_await asio::async_read(*socket, place, asio::use_awaitable);
      const auto word = [&](std::size_t at) {
        return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
      };
      const Act act = script_({word(0), bytes[6], bytes[7], word(8), word(10), connection, ++requests_});
      asio::co_spawn(acceptor_.get_executor(), perform(socket, act), keep);
    }
  }

  static awaitable<void> perform(Socket socket, Act act) {
    asio::steady_timer timer(socket->get_executor(), act.after);
    co_await timer.async_wait(asio::use_awaitable);
    const std::size_t piece = act.between_bytes.count() > 0 ? 1 : act.bytes.size();
    for (std::size_t sent = 0; sent < act.bytes.size(); sent += piece) {
      co_await asio::async_write(*socket, asio::buffer(act.bytes.data() + sent, piece), asio::use_awaitable);
      if (act.between_bytes.count() == 0) continue;
      timer.expires_after(act.between_bytes);
      co_await timer.async_wait(asio::use_awaitable);
    }
    if (act.then_close) socket->close();
  }

  tcp::acceptor acceptor_;
  Script script_;
  Transport transport_;
  int connections_ = 0;
  int requests_ = 0;
};

}  // namespace flopwatt::modbus_test
