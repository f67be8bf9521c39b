// Events of foreign threads (a library's callback) brought home: the one way by which such a thread may speak
// to objects of a loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

namespace flopwatt {

/// Calls `handler` of `target` on the loop `home`; nothing happens where the target is gone by then. Callable
/// from any thread as long as the loop exists; never waits. The target is touched on the loop only.
template <class T, class... Args>
void post_to(const boost::asio::any_io_executor& home, const std::weak_ptr<T>& target,
             void (T::*handler)(Args...), Args... args) {
  boost::asio::post(home, [target, handler, ... args = std::move(args)]() mutable {
    if (const auto alive = target.lock()) ((*alive).*handler)(std::move(args)...);
  });
}

}  // namespace flopwatt
