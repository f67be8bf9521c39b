#include "drivers/modbus/wire/tcp_connection.h"

#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <utility>

#include "runtime/async.h"
#include "runtime/clock.h"

namespace flopwatt::modbus {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using std::chrono::steady_clock;

// So many timeouts in a row leave the connection open: a device that misses one request may be busy.
constexpr int tolerated_timeouts = 1;

SteadyTime steady(const Moment& moment) { return SteadyTime{std::chrono::microseconds{moment.monotonic_us}}; }

std::string text_of(int error) { return error_code(error, boost::system::system_category()).message(); }

// Now, by the clock that is never set: a step of the wall clock shall not fall between the two ends of a
// transaction, and a clock costs as much as decoding the answer.
Moment moment_since(const Moment& sent) {
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now().time_since_epoch());
  return {sent.wall_us + now.count() - sent.monotonic_us, now.count()};
}

// A peer that vanished silently is noticed within a minute even where no request is open.
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

}  // namespace

template <class AnyConversation>
StreamConnection<AnyConversation>::StreamConnection(const asio::any_io_executor& executor,
                                                    ModbusAddress address)
    : address_(std::move(address)),
      executor_(executor),
      readable_(executor),
      deadline_(executor, readable_),
      lookup_(address_.host) {}

template <class AnyConversation>
awaitable<void> StreamConnection<AnyConversation>::watch() {
  return deadline_.watch();
}

// The whole transaction is one coroutine with one suspension: further frames, and use_awaitable, which makes
// one for each operation, cost as much as all the rest of this program's part in a read.
template <class AnyConversation>
awaitable<Result<Answer>> StreamConnection<AnyConversation>::read(const ReadRequest& request,
                                                                  const ReadOptions& options) {
  for (bool repeated = false;; repeated = true) {
    if (!socket_)
      if (auto fault = co_await connect()) co_return std::move(*fault);
    const bool proven = answered_;
    if (options.pause.count() > 0 && last_transaction_ + options.pause > steady_clock::now())
      co_await sleep_until(last_transaction_ + options.pause);
    std::optional<Result<Answer>> result = ask(request, options);
    while (!result) {
      co_await readable_.wait();
      result = take(request, options);
    }
    deadline_.end();
    last_transaction_ = *result ? steady((*result)->received) : steady_clock::now();
    count(*result);
    const bool broke = !*result && result->error().fault_class == FaultClass::connection;
    if (!broke || !proven || repeated) co_return std::move(*result);
  }
}

// Nothing: it is asked, wait for the answer.
template <class AnyConversation>
std::optional<Fault> StreamConnection<AnyConversation>::ask(const ReadRequest& request,
                                                            const ReadOptions& options) {
  if (auto unasked = before_asking(request)) return unasked;
  const auto frame = conversation_.ask(request, options.accept_unit_mismatch);
  sent_ = now();
  // All at once, for devices that drop a header that comes alone. The send buffer is empty but for a peer
  // that has stopped reading, so this never has to wait.
  const ssize_t written = ::send(socket_.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
  if (written < 0 && errno != EAGAIN) return lost(request, text_of(errno));
  if (written != static_cast<ssize_t>(frame.size())) return lost(request, "the device takes no more bytes");
  ++traffic_.requests;
  deadline_.begin(steady(sent_) + options.timeout);
  return std::nullopt;
}

// What came, where something did. Nothing: that was not all, wait on.
template <class AnyConversation>
std::optional<Result<Answer>> StreamConnection<AnyConversation>::take(const ReadRequest& request,
                                                                      const ReadOptions& options) {
  auto verdict = Conversation::Verdict::waiting;
  while (verdict == Conversation::Verdict::waiting) {
    if (deadline_.passed()) return timed_out(request, options);
    const auto space = conversation_.space();
    const ssize_t size = ::recv(socket_.get(), space.data(), space.size(), 0);
    if (size == 0) return lost(request, "the device closed the connection");
    if (size < 0 && errno == EAGAIN) return std::nullopt;
    if (size < 0) return lost(request, text_of(errno));
    verdict = conversation_.received(static_cast<std::size_t>(size));
  }
  if (verdict == Conversation::Verdict::doubt) {
    close();
    return transaction_fault(conversation_.doubt_class(), address_, request,
                             conversation_.doubt() + "; the connection was closed");
  }
  answered_ = true;
  timeouts_in_a_row_ = 0;
  backoff_.succeed();
  if (verdict == Conversation::Verdict::registers)
    return Answer{sent_, moment_since(sent_), conversation_.registers()};
  const int code = conversation_.exception_code();
  return transaction_fault(FaultClass::exception, address_, request, "exception " + std::to_string(code),
                           code);
}

// Bytes that came while nothing was open would be taken for the answer to what is asked next.
template <class AnyConversation>
std::optional<Fault> StreamConnection<AnyConversation>::before_asking(const ReadRequest& request) {
  if constexpr (AnyConversation::recognises_late_answers) return std::nullopt;
  int waiting = 0;
  if (::ioctl(socket_.get(), FIONREAD, &waiting) != 0 || waiting == 0) return std::nullopt;
  return lost(request, std::to_string(waiting) + " bytes came that nobody had asked for");
}

template <class AnyConversation>
awaitable<std::optional<Fault>> StreamConnection<AnyConversation>::connect() {
  if (backoff_.failing() && steady_clock::now() < backoff_.retry_at())
    co_return Fault{FaultClass::connection, connect_fault_, 0};
  if (last_connect_ + reconnect_spacing > steady_clock::now())
    co_await sleep_until(last_connect_ + reconnect_spacing);
  last_connect_ = steady_clock::now();
  auto reason = co_await with_timeout(open_socket(), connect_timeout);
  if (!reason) reason = "no answer within " + milliseconds_text(connect_timeout);
  if (!*reason) {
    conversation_.restart();
    answered_ = false;
    timeouts_in_a_row_ = 0;
    ++traffic_.openings;
    co_return std::nullopt;
  }
  close();
  ++next_address_;
  backoff_.fail(steady_clock::now(), chance());
  connect_fault_ = "connecting to " + address_.text() + ": " + **reason +
                   "; check the address, that Modbus is enabled there, and the network between";
  co_return Fault{FaultClass::connection, connect_fault_, 0};
}

template <class AnyConversation>
awaitable<std::optional<std::string>> StreamConnection<AnyConversation>::open_socket() {
  const auto addresses = co_await lookup_.find();
  if (!addresses) co_return "looking up its name: " + addresses.error().message;
  error_code error;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const tcp::endpoint endpoint((*addresses)[(next_address_ + i) % addresses->size()], address_.port);
    tcp::socket socket(executor_);
    co_await socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
    if (error) continue;
    set_options(socket);
    socket_ = Descriptor(socket.release());
    if (readable_.watch(socket_.get())) co_return std::nullopt;
    co_return "the system has no room to watch another connection";
  }
  co_return error.message();
}

template <class AnyConversation>
void StreamConnection<AnyConversation>::close() {
  readable_.forget();
  socket_.reset();
}

template <class AnyConversation>
Fault StreamConnection<AnyConversation>::timed_out(const ReadRequest& request, const ReadOptions& options) {
  const bool frame_begun = conversation_.has_begun();
  const bool too_often = ++timeouts_in_a_row_ > tolerated_timeouts;
  if (!conversation_.give_up() || too_often) close();
  return transaction_fault(FaultClass::timeout, address_, request,
                           (frame_begun ? "only a part of an answer within " : "no answer within ") +
                               milliseconds_text(options.timeout));
}

template <class AnyConversation>
Fault StreamConnection<AnyConversation>::lost(const ReadRequest& request, const std::string& reason) {
  close();
  if (!answered_) {
    backoff_.fail(steady_clock::now(), chance());
    connect_fault_ = "the connection to " + address_.text() + " broke before it gave an answer: " + reason +
                     "; check that the device speaks Modbus there, and how many clients it allows";
  }
  return transaction_fault(FaultClass::connection, address_, request, reason);
}

template class StreamConnection<Conversation>;
template class StreamConnection<RtuConversation>;

}  // namespace flopwatt::modbus
