#include "drivers/modbus/tcp_connection.h"

#include <netinet/tcp.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

#include "runtime/async.h"
#include "runtime/clock.h"

namespace flopwatt::modbus {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr int tolerated_timeouts = 1;  // in a row

SteadyTime steady(const Moment& moment) { return SteadyTime{std::chrono::microseconds{moment.monotonic_us}}; }

// A peer that vanished without a word is noticed within a minute even where no request is under way.
void set_options(tcp::socket& socket) {
  error_code ignored;  // none of them is worth failing for
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  using Seconds = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE>;
  using Interval = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL>;
  using Probes = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT>;
  socket.set_option(Seconds(30), ignored);
  socket.set_option(Interval(10), ignored);
  socket.set_option(Probes(3), ignored);
  socket.non_blocking(true, ignored);
}

std::string milliseconds(std::chrono::microseconds duration) {
  return std::to_string(duration.count() / 1000) + " ms";
}

}  // namespace

TcpConnection::TcpConnection(const asio::any_io_executor& executor, ModbusAddress address)
    : address_(std::move(address)), socket_(executor), lookup_(executor), watchdog_(executor) {}

awaitable<void> TcpConnection::watch() {
  for (;;) {
    watched_until_ = deadline_;
    watchdog_.expires_at(watched_until_);
    error_code woken;  // for an earlier deadline; a cancelled caller is thrown out by the next wait
    co_await watchdog_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (steady_clock::now() < deadline_) continue;
    deadline_ = SteadyTime::max();
    deadline_passed_ = true;
    error_code ignored;
    socket_.cancel(ignored);
  }
}

void TcpConnection::begin_deadline(SteadyTime deadline) {
  deadline_ = deadline;
  deadline_passed_ = false;
  if (deadline_ < watched_until_) watchdog_.cancel();
}

awaitable<Result<Answer>> TcpConnection::read(const ReadRequest& request, const ReadOptions& options) {
  for (bool repeated = false;; repeated = true) {
    if (!socket_.is_open())
      if (auto fault = co_await connect()) co_return std::move(*fault);
    const bool proven = answered_;
    if (options.pause.count() > 0 && last_transaction_ + options.pause > steady_clock::now())
      co_await sleep_until(last_transaction_ + options.pause);
    auto result = co_await transact(request, options);
    deadline_ = SteadyTime::max();
    last_transaction_ = steady_clock::now();
    const bool broke = !result && result.error().fault_class == FaultClass::connection;
    if (!broke || !proven || repeated) co_return result;
  }
}

awaitable<Result<Answer>> TcpConnection::transact(const ReadRequest& request, const ReadOptions& options) {
  const RequestFrame frame = conversation_.ask(request, options.accept_unit_mismatch);
  const Moment sent = now();
  error_code error;
  // All at once, for devices that drop a header that comes alone. The send buffer is empty but for a peer
  // that has stopped reading, so this never has to wait.
  const std::size_t written = socket_.send(asio::buffer(frame), 0, error);
  if (error || written != frame.size())
    co_return lost(request, error ? error.message() : "the device takes no more bytes");

  begin_deadline(steady(sent) + options.timeout);
  auto verdict = Conversation::Verdict::waiting;
  while (verdict == Conversation::Verdict::waiting) {
    if (deadline_passed_) co_return timed_out(request, options);
    const auto space = conversation_.space();
    const std::size_t count = co_await socket_.async_read_some(
        asio::buffer(space.data(), space.size()), asio::redirect_error(asio::use_awaitable, error));
    if (error && deadline_passed_) co_return timed_out(request, options);
    if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
    if (error)
      co_return lost(request,
                     error == asio::error::eof ? "the device closed the connection" : error.message());
    verdict = conversation_.received(count);
  }

  if (verdict == Conversation::Verdict::doubt) {
    close();
    co_return fault(FaultClass::protocol, request, conversation_.doubt() + "; the connection was closed");
  }
  answered_ = true;
  timeouts_in_a_row_ = 0;
  backoff_.succeed();
  if (verdict == Conversation::Verdict::exception) {
    const int code = conversation_.exception_code();
    co_return fault(FaultClass::exception, request, "exception " + std::to_string(code), code);
  }
  co_return Answer{sent, now(), conversation_.registers()};
}

awaitable<std::optional<Fault>> TcpConnection::connect() {
  if (backoff_.failing() && steady_clock::now() < backoff_.retry_at())
    co_return Fault{FaultClass::connection, connect_fault_, 0};
  if (last_connect_ + reconnect_spacing > steady_clock::now())
    co_await sleep_until(last_connect_ + reconnect_spacing);
  last_connect_ = steady_clock::now();
  auto reason = co_await with_timeout(open_socket(), connect_timeout);
  if (!reason) reason = "no answer within " + milliseconds(connect_timeout);
  if (!*reason) {
    set_options(socket_);
    conversation_.restart();
    answered_ = false;
    timeouts_in_a_row_ = 0;
    co_return std::nullopt;
  }
  close();
  ++next_endpoint_;
  backoff_.fail(steady_clock::now(), chance());
  connect_fault_ = "connecting to " + address_.text() + ": " + **reason +
                   "; check the address, that Modbus TCP is enabled there, and the network between";
  co_return Fault{FaultClass::connection, connect_fault_, 0};
}

awaitable<std::optional<std::string>> TcpConnection::open_socket() {
  const auto endpoints = co_await lookup_.find(address_.host, address_.port);
  if (!endpoints) co_return "looking up its name: " + endpoints.error();
  error_code error;
  for (std::size_t i = 0; i < endpoints->size(); ++i) {
    const tcp::endpoint& endpoint = (*endpoints)[(next_endpoint_ + i) % endpoints->size()];
    close();
    co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (!error) co_return std::nullopt;
    if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  }
  co_return error.message();
}

void TcpConnection::close() {
  error_code ignored;
  socket_.close(ignored);
}

Fault TcpConnection::timed_out(const ReadRequest& request, const ReadOptions& options) {
  const bool frame_begun = !conversation_.give_up();
  const bool too_often = ++timeouts_in_a_row_ > tolerated_timeouts;
  if (frame_begun || too_often) close();
  return fault(FaultClass::timeout, request,
               (frame_begun ? "only a part of an answer within " : "no answer within ") +
                   milliseconds(options.timeout));
}

Fault TcpConnection::lost(const ReadRequest& request, const std::string& reason) {
  close();
  if (!answered_) backoff_.fail(steady_clock::now(), chance());
  auto broken = fault(FaultClass::connection, request, reason);
  connect_fault_ = broken.message;
  return broken;
}

Fault TcpConnection::fault(FaultClass fault_class, const ReadRequest& request, const std::string& outcome,
                           int code) const {
  return {fault_class,
          "reading registers " + std::to_string(request.address) + " to " +
              std::to_string(request.address + request.count - 1) + " (function " +
              std::to_string(static_cast<int>(request.function)) + ") of unit " +
              std::to_string(request.unit) + " at " + address_.text() + ": " + outcome,
          code};
}

}  // namespace flopwatt::modbus
