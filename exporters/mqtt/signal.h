// A condition variable for coroutines of one loop: wait until something may have changed, then look again.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <list>

#include "runtime/async.h"

namespace flopwatt::mqtt_json {

using SteadyTime = std::chrono::steady_clock::time_point;

class Signal {
 public:
  /// Resumes all that wait at this moment; nobody remembers it, so test the condition before each wait.
  void notify() {
    for (asio::steady_timer* timer : waiting_) timer->cancel();
  }

  /// Returns after the next notify() or at `limit`. Throws when the caller is cancelled, at the latest at its
  /// next wait.
  awaitable<void> wait(SteadyTime limit = SteadyTime::max()) {
    asio::steady_timer timer(co_await asio::this_coro::executor, limit);
    const Waiting entry(waiting_, timer);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
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

/// Notifies when its scope is left, in whatever way.
class NotifyAtEnd {
 public:
  explicit NotifyAtEnd(Signal& signal) : signal_(signal) {}
  ~NotifyAtEnd() { signal_.notify(); }
  NotifyAtEnd(const NotifyAtEnd&) = delete;
  NotifyAtEnd& operator=(const NotifyAtEnd&) = delete;

 private:
  Signal& signal_;
};

}  // namespace flopwatt::mqtt_json
