#include "drivers/modbus/wire/readable.h"

#include <sys/epoll.h>

#include <array>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <vector>

namespace flopwatt::modbus {

namespace asio = boost::asio;

// The epoll of one loop. Asio waits for it only while somebody waits for a socket, so that a loop that has
// nothing else to do ends.
class Readiness final : public asio::execution_context::service {
 public:
  using key_type = Readiness;
  static asio::execution_context::id id;  // NOLINT(readability-identifier-naming): Asio's name

  explicit Readiness(asio::execution_context& context)
      : service(context),
        epoll_(static_cast<asio::io_context&>(context).get_executor(), ::epoll_create1(EPOLL_CLOEXEC)) {}

  std::uint32_t add(Readable* readable) {
    for (std::uint32_t number = 0; number < all_.size(); ++number)
      if (all_[number] == nullptr) return all_[number] = readable, number;
    all_.push_back(readable);
    return static_cast<std::uint32_t>(all_.size() - 1);
  }
  void remove(std::uint32_t number) { all_[number] = nullptr; }

  bool watch(int descriptor, std::uint32_t number) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.u64 = static_cast<std::uint64_t>(descriptor) << 32 | number;
    return ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, &event) == 0;
  }
  void forget(int descriptor) { ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, descriptor, nullptr); }

  void begin_wait() {
    ++waits_;
    if (!armed_ && !busy_) arm();
  }
  void end_wait() {
    if (--waits_ == 0 && armed_ && !busy_) epoll_.cancel();
  }

 private:
  static constexpr std::size_t at_once = 128;  // then it is the turn of the loop's other work

  void arm() {
    armed_ = true;
    epoll_.async_wait(asio::posix::descriptor_base::wait_read, OnReady{this});
  }

  struct OnReady {
    Readiness* self;
    void operator()(const boost::system::error_code&) const { self->look(); }
  };

  void look() {
    armed_ = false;
    busy_ = true;
    std::array<epoll_event, at_once> events;
    const int ready = ::epoll_wait(epoll_.native_handle(), events.data(), at_once, 0);
    for (int i = 0; i < ready; ++i) notify(events[static_cast<std::size_t>(i)].data.u64);
    busy_ = false;
    if (waits_ > 0) arm();
  }

  // What was resumed just before may have ended the Readable of this event, or given it another socket.
  void notify(std::uint64_t mark) {
    Readable* const readable = all_[static_cast<std::uint32_t>(mark)];
    if (readable != nullptr && readable->descriptor_ == static_cast<int>(mark >> 32)) readable->came();
  }

  void shutdown() override {
    // By number: a coroutine ends with the waiter that holds it, and may take others along.
    for (std::size_t number = 0; number < all_.size(); ++number)
      if (all_[number] != nullptr) all_[number]->drop();
  }

  asio::posix::stream_descriptor epoll_;
  std::vector<Readable*> all_;  // by number; null: free
  std::size_t waits_ = 0;
  bool armed_ = false;  // Asio waits for it
  bool busy_ = false;   // look() is in progress
};

asio::execution_context::id Readiness::id;

Readable::Readable(const asio::any_io_executor& executor)
    : all_(asio::use_service<Readiness>(asio::query(executor, asio::execution::context))),
      executor_(executor),
      number_(all_.add(this)) {}

Readable::~Readable() {
  forget();
  all_.remove(number_);
}

bool Readable::watch(int descriptor) {
  forget();
  unread_ = false;
  if (!all_.watch(descriptor, number_)) return false;
  descriptor_ = descriptor;
  return true;
}

void Readable::forget() {
  if (descriptor_ < 0) return;
  all_.forget(std::exchange(descriptor_, -1));
  wake();
}

void Readable::begin(Waiter* waiter) {
  waiter_ = waiter;
  all_.begin_wait();
  if (std::exchange(unread_, false)) wake();
}

void Readable::came() {
  if (waiter_ == nullptr) {
    unread_ = true;
    return;
  }
  all_.end_wait();
  std::exchange(waiter_, nullptr)->resume();
}

void Readable::wake() {
  if (waiter_ == nullptr) return;
  all_.end_wait();
  std::exchange(waiter_, nullptr)->post(executor_);
}

void Readable::drop() {
  if (waiter_ != nullptr) std::destroy_at(std::exchange(waiter_, nullptr));
}

}  // namespace flopwatt::modbus
