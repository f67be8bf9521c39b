// Passes a call from a foreign thread (a library's callback) to a loop. Foreign threads reach the objects of
// a loop only through post_to().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

namespace flopwatt {

/// Calls `handler` of `target` on the loop `home`. Does nothing if the target is gone by then. Callable from
/// any thread while the loop exists; never waits. The target is used on the loop only.
template <class T, class... Args>
void post_to(const boost::asio::any_io_executor& home, const std::weak_ptr<T>& target,
             void (T::*handler)(Args...), Args... args) {
  boost::asio::post(home, [target, handler, ... args = std::move(args)]() mutable {
    if (const auto alive = target.lock()) ((*alive).*handler)(std::move(args)...);
  });
}

}  // namespace flopwatt
