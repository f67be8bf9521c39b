// The few things that coroutines of this program share: offloading blocking work, deadlines, groups of tasks
// that live and die together. All of Asio's experimental parts are used here and nowhere else.
//
// Rules (learnt with GCC 12 and Boost 1.81): coroutines are named functions or member functions; never write
// a capturing lambda inside a co_await or co_spawn expression (double free). Nothing is `detached`.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/threads.h"

namespace flopwatt {

namespace asio = boost::asio;
using asio::awaitable;

namespace detail {
// co_spawn wants default-constructible results; optional is one for every T.
template <class F>
awaitable<std::optional<std::invoke_result_t<F>>> call(F work) {
  co_return work();
}
template <class T>
awaitable<std::optional<T>> boxed(awaitable<T> operation) {
  co_return co_await std::move(operation);
}
}  // namespace detail

/// Runs the blocking callable on `thread`, resumes on the caller's own executor with its result or exception.
/// Cancelling the caller does not stop `work`: the wait goes on until it returns, so it must carry its own
/// limit.
template <class F>
awaitable<std::invoke_result_t<F>> offload(WorkThread& thread, F work) {
  // Without a cancellation slot: Asio 1.81 would send a cancellation to the thread by a pointer into this
  // frame, which may be gone when it arrives.
  auto result =
      co_await asio::co_spawn(thread.get_executor(), detail::call(std::move(work)),
                              asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
  co_return std::move(*result);
}

/// Runs all tasks; when the first ends, by return or exception, cancels the others and waits for them.
/// Rethrows the exception of that first one. `tasks` must not be empty.
awaitable<void> run_until_first_ends(std::vector<awaitable<void>> tasks);

/// Sleeps; throws system_error(operation_aborted) when cancelled.
awaitable<void> sleep_until(std::chrono::steady_clock::time_point when);

/// Waits for `operation` at most `limit`. nullopt: the limit passed first and the operation was cancelled.
/// Its exception is rethrown; cancellation of the caller passes through.
template <class T>
awaitable<std::optional<T>> with_timeout(awaitable<T> operation, std::chrono::steady_clock::duration limit) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, limit);
  auto [order, op_error, value, timer_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, detail::boxed(std::move(operation)), asio::deferred),
          timer.async_wait(asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (!op_error) co_return std::move(value);
  if (order[0] == 1 && !timer_error) co_return std::nullopt;
  std::rethrow_exception(op_error);
}

}  // namespace flopwatt
