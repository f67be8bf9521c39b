#include "drivers/modbus/wire/serial_line.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/redirect_error.hpp>
#include <boost/system/system_error.hpp>
#include <semaphore>
#include <thread>
#include <utility>

#include "config/profiles/serial_time.h"
#include "drivers/modbus/wire/serial_port.h"
#include "runtime/async.h"
#include "runtime/threads.h"

namespace flopwatt::modbus {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The port ends a silent transaction at its deadline itself; taking it away costs opening it again.
constexpr milliseconds slack = 10ms;
// An interrupted transaction ends within byte_gap, and a recovery may follow. Busy machines take longer.
constexpr milliseconds longest_end = 2 * (SerialPort::byte_gap + SerialPort::longest_recovery);

}  // namespace

// What the line and its thread share. The phase says whose turn it is: what is not atomic belongs to the
// thread while it works, else to the line.
class SerialLine::Worker {
 public:
  enum class Phase : std::uint8_t {
    idle,
    working,
    answered,  ///< the outcome is there, the port is not yet free
    ended,
  };

  Worker(const std::string& path, const SerialSettings& settings)
      : port_(path, settings), news_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  // The line calls what is public, never the thread.

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] int news() const { return news_.get(); }
  [[nodiscard]] const SerialPort::Outcome& outcome() const { return outcome_; }

  /// To be called in phase idle. Without a request the thread closes the port. False: the system refuses a
  /// thread, and nothing was begun.
  bool start(const std::shared_ptr<Worker>& self, std::optional<ReadRequest> request, SteadyTime deadline) {
    if (!thread_.joinable()) {
      thread_ = start_thread([self] { self->work(); });
      if (!thread_.joinable()) return false;
    }
    request_ = request;
    deadline_ = deadline;
    phase_ = Phase::working;
    wanted_.release();
    return true;
  }

  void interrupt() { port_.interrupt(); }

  void ask_to_end() {
    end_ = true;
    if (thread_.joinable()) port_.interrupt();
    wanted_.release();
  }
  [[nodiscard]] bool has_ended() const { return !thread_.joinable() || phase_ == Phase::ended; }

  /// To be called after ask_to_end(). A thread that has not ended is abandoned, never waited for.
  void let_go() {
    if (!thread_.joinable()) return;
    if (phase_ == Phase::ended)
      thread_.join();
    else
      thread_.detach();
  }

 private:
  void work() {
    for (;;) {
      wanted_.acquire();
      if (end_) break;
      if (request_)
        outcome_ = port_.transact(*request_, deadline_);
      else
        port_.close();
      if (request_ && outcome_.fault) {
        tell(Phase::answered);
        port_.recover();
      }
      tell(Phase::idle);
    }
    port_.close();
    tell(Phase::ended);
  }

  void tell(Phase phase) {
    phase_ = phase;
    ::eventfd_write(news_.get(), 1);
  }

  SerialPort port_;
  const Descriptor news_;  // readable when the phase has changed
  std::counting_semaphore<> wanted_{0};
  std::atomic<bool> end_ = false;
  std::atomic<Phase> phase_ = Phase::idle;
  std::optional<ReadRequest> request_;
  SteadyTime deadline_;
  SerialPort::Outcome outcome_;
  std::thread thread_;  // the line's; never touched by the thread
};

SerialLine::SerialLine(const asio::any_io_executor& executor, ModbusAddress address,
                       const SerialSettings& settings)
    : address_(std::move(address)),
      settings_(settings),
      worker_(std::make_shared<Worker>(address_.host, settings)),
      news_(executor) {
  const int copy = ::fcntl(worker_->news(), F_DUPFD_CLOEXEC, 0);
  boost::system::error_code no_descriptor;  // then the port has none either, and says so
  if (copy >= 0) news_.assign(copy, no_descriptor);
}

SerialLine::~SerialLine() {
  worker_->ask_to_end();
  const SteadyTime limit = steady_clock::now() + longest_end;
  while (!worker_->has_ended() && steady_clock::now() < limit) {
    pollfd news{worker_->news(), POLLIN, 0};
    ::poll(&news, 1, 10);
    eventfd_t ignored = 0;
    ::eventfd_read(worker_->news(), &ignored);
  }
  worker_->let_go();
}

awaitable<void> SerialLine::watch() {
  if (!news_.is_open()) co_await sleep_until(SteadyTime::max());  // the reads look by themselves, late
  boost::system::error_code error;
  for (;;) {
    co_await news_.async_wait(asio::posix::descriptor_base::wait_read,
                              asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    eventfd_t ignored = 0;
    ::eventfd_read(worker_->news(), &ignored);
    changed_.notify();
  }
  // Cancelled. The port shall be free when this has ended: another line may be made of it.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  worker_->ask_to_end();
  const SteadyTime limit = steady_clock::now() + longest_end;
  while (!worker_->has_ended() && steady_clock::now() < limit)
    co_await sleep_until(steady_clock::now() + 5ms);
  throw boost::system::system_error(asio::error::operation_aborted);
}

awaitable<Result<Answer>> SerialLine::read(const ReadRequest& request, const ReadOptions& options) {
  for (bool repeated = false;; repeated = true) {
    if (steady_clock::now() < retry_at_) co_return Fault{FaultClass::connection, connect_fault_, 0};
    const microseconds pause = std::max(options.pause, frame_silence(settings_));
    if (last_transaction_ + pause > steady_clock::now()) co_await sleep_until(last_transaction_ + pause);
    const bool proven = std::exchange(answered_, false);
    garbled_ = false;
    auto result = co_await transact(request, options);
    last_transaction_ = steady_clock::now();
    count(result);
    if (result || result.error().fault_class == FaultClass::exception) {
      answered_ = true;
      co_return result;
    }
    const bool broke = result.error().fault_class == FaultClass::connection;
    if (broke)
      ++traffic_.openings;
    else
      answered_ = proven;
    if (!repeated && (broke ? proven : garbled_)) continue;
    if (broke) retry_at_ = steady_clock::now() + reopen_spacing;
    co_return result;
  }
}

awaitable<Result<Answer>> SerialLine::transact(const ReadRequest& request, const ReadOptions& options) {
  using Phase = Worker::Phase;
  const SteadyTime patience = steady_clock::now() + std::max<microseconds>(options.timeout, longest_end);
  while (worker_->phase() != Phase::idle && steady_clock::now() < patience) co_await changed_.wait(patience);
  if (worker_->phase() != Phase::idle)
    co_return transaction_fault(FaultClass::timeout, address_, request,
                                "the driver of the serial port does not return");

  const SteadyTime deadline = steady_clock::now() + options.timeout;
  if (!worker_->start(worker_, request, deadline))
    co_return unusable(no_thread_text("the serial line " + address_.host));
  ++traffic_.requests;
  while (worker_->phase() == Phase::working) {
    if (steady_clock::now() >= deadline + slack) {
      worker_->interrupt();
      co_return transaction_fault(FaultClass::timeout, address_, request,
                                  "no whole answer within " + milliseconds_text(options.timeout));
    }
    co_await changed_.wait(deadline + slack);
  }

  const SerialPort::Outcome& outcome = worker_->outcome();
  garbled_ = outcome.garbled;
  if (outcome.fault == FaultClass::timeout)
    co_return transaction_fault(FaultClass::timeout, address_, request,
                                outcome.reason + " within " + milliseconds_text(options.timeout));
  if (outcome.fault == FaultClass::connection) co_return unusable(outcome.reason);
  if (outcome.fault) co_return transaction_fault(*outcome.fault, address_, request, outcome.reason);
  if (outcome.reply.kind == Reply::Kind::exception) {
    const int code = outcome.reply.code;
    co_return transaction_fault(FaultClass::exception, address_, request, "exception " + std::to_string(code),
                                code);
  }
  co_return Answer{outcome.sent, outcome.received, outcome.reply.registers};
}

void SerialLine::close() {
  if (worker_->phase() == Worker::Phase::idle) worker_->start(worker_, std::nullopt, {});
}

Fault SerialLine::unusable(const std::string& reason) {
  connect_fault_ = reason;
  return {FaultClass::connection, reason, 0};
}

}  // namespace flopwatt::modbus
