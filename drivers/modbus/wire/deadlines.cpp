#include "drivers/modbus/wire/deadlines.h"

#include <algorithm>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <vector>

#include "runtime/async.h"

namespace flopwatt::modbus {

// The timer of one loop. It is set for the first deadline, stays set when transactions end, and then fires
// for nothing: about once in the time of a timeout, however many connections there are.
class Deadlines final : public asio::execution_context::service {
 public:
  using key_type = Deadlines;
  static asio::execution_context::id id;  // NOLINT(readability-identifier-naming): Asio's name

  explicit Deadlines(asio::execution_context& context)
      : service(context), timer_(static_cast<asio::io_context&>(context).get_executor()) {}

  void add(Deadline& deadline) {
    deadline.place_ = open_.size();
    deadline.open_ = true;
    open_.push_back(&deadline);
  }
  void remove(Deadline& deadline) {
    open_.back()->place_ = deadline.place_;
    open_[deadline.place_] = open_.back();
    open_.pop_back();
    deadline.open_ = false;
  }

  void set_for(SteadyTime when) {
    if (watches_ == 0 || when >= set_for_) return;
    set_for_ = when;
    timer_.expires_at(when);  // cancels the wait before
    timer_.async_wait(OnTime{this});
  }

  void begin_watch() {
    if (++watches_ == 1) set_for(first());
  }
  void end_watch() {
    if (--watches_ > 0 || shut_down_) return;
    set_for_ = SteadyTime::max();
    timer_.cancel();
  }

 private:
  struct OnTime {
    Deadlines* self;
    void operator()(const boost::system::error_code& cancelled) const {
      if (!cancelled) self->look();
    }
  };

  void look() {
    set_for_ = SteadyTime::max();
    const SteadyTime now = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < open_.size();) {
      Deadline& deadline = *open_[i];
      if (deadline.when_ > now) {
        ++i;
        continue;
      }
      remove(deadline);  // the last one takes its place
      deadline.passed_ = true;
      deadline.readable_.wake();  // resumes nothing before this function returns
    }
    set_for(first());
  }

  [[nodiscard]] SteadyTime first() const {
    SteadyTime first = SteadyTime::max();
    for (const Deadline* deadline : open_) first = std::min(first, deadline->when_);
    return first;
  }

  void shutdown() override { shut_down_ = true; }

  asio::steady_timer timer_;
  SteadyTime set_for_ = SteadyTime::max();  // max: not set
  std::vector<Deadline*> open_;             // in no order
  std::size_t watches_ = 0;
  bool shut_down_ = false;
};

asio::execution_context::id Deadlines::id;

Deadline::Deadline(const asio::any_io_executor& executor, Readable& readable)
    : readable_(readable),
      all_(asio::use_service<Deadlines>(asio::query(executor, asio::execution::context))) {}

Deadline::~Deadline() { end(); }

void Deadline::begin(SteadyTime when) {
  when_ = when;
  passed_ = false;
  if (!open_) all_.add(*this);
  all_.set_for(when);
}

void Deadline::end() {
  if (open_) all_.remove(*this);
}

asio::awaitable<void> Deadline::watch() {
  // The loop may end, and with it this coroutine, after the connection: the service lives longer.
  struct Watch {
    explicit Watch(Deadlines& deadlines) : all(deadlines) { all.begin_watch(); }
    ~Watch() { all.end_watch(); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    Deadlines& all;
  } const watch(all_);
  co_await sleep_until(SteadyTime::max());
}

}  // namespace flopwatt::modbus
