// A condition variable for coroutines of one loop: wait until something may have changed, then test again.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <list>

#include "runtime/async.h"

namespace flopwatt {

class Condition {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Resumes all coroutines that wait now. A notification is not kept: test the condition before each wait.
  void notify() {
    for (asio::steady_timer* timer : waiting_) timer->cancel();
  }

  /// Returns after the next notify() or at `limit`. Throws system_error(operation_aborted) if the caller is
  /// cancelled, also if notify() was called at the same moment.
  awaitable<void> wait(Time limit = Time::max()) {
    asio::steady_timer timer(co_await asio::this_coro::executor, limit);
    const Waiting entry(waiting_, timer);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error(asio::error::operation_aborted);
  }

 private:
  struct Waiting {
    Waiting(std::list<asio::steady_timer*>& list, asio::steady_timer& timer)
        : list_(list), entry_(list.insert(list.end(), &timer)) {}
    ~Waiting() { list_.erase(entry_); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    std::list<asio::steady_timer*>& list_;
    std::list<asio::steady_timer*>::iterator entry_;
  };

  std::list<asio::steady_timer*> waiting_;
};

/// Calls notify() when its scope is left, by return or exception.
class NotifyAtEnd {
 public:
  explicit NotifyAtEnd(Condition& condition) : changed_(condition) {}
  ~NotifyAtEnd() { changed_.notify(); }
  NotifyAtEnd(const NotifyAtEnd&) = delete;
  NotifyAtEnd& operator=(const NotifyAtEnd&) = delete;

 private:
  Condition& changed_;
};

}  // namespace flopwatt
