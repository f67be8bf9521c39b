#include "exporters/prometheus/shared_snapshot.h"

#include <boost/asio/redirect_error.hpp>
#include <utility>

#include "runtime/async.h"
#include "runtime/log.h"

namespace flopwatt::prometheus {

struct SharedSnapshot::Question {
  Question(const asio::any_io_executor& executor, std::chrono::milliseconds limit)
      : deadline(executor, limit) {}

  asio::steady_timer deadline;  // cancelled by the answer
  bool answered = false;
  SnapshotPtr snapshot;
  std::chrono::steady_clock::time_point asked = std::chrono::steady_clock::now();

  void settle(const std::exception_ptr& failure, SnapshotPtr answer) {
    answered = true;
    snapshot = std::move(answer);
    deadline.cancel();
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& bug) {
      log::error("no snapshot could be made", {{"reason", bug.what()}});
    }
  }
};

// The question is not a child of who asks it: a wait that ends at the limit must not wait for the answer, and
// cancelling a coroutine of another loop is a race.
awaitable<SnapshotPtr> SharedSnapshot::newest() {
  // A null answer is never kept.
  const auto is_fresh = [this] {
    return open_->snapshot && std::chrono::steady_clock::now() < open_->asked + fresh_;
  };
  if (!open_ || (open_->answered && !is_fresh())) {
    const auto executor = co_await asio::this_coro::executor;
    open_ = std::make_shared<Question>(executor, limit_);
    auto settle = [question = open_, ask = ask_](const std::exception_ptr& failure, SnapshotPtr answer) {
      question->settle(failure, std::move(answer));
    };
    asio::co_spawn(executor, (*ask_)(), std::move(settle));
  }
  const auto question = open_;
  boost::system::error_code ended;  // by the deadline or by the answer; what counts is whether there is one
  if (!question->answered)
    co_await question->deadline.async_wait(asio::redirect_error(asio::use_awaitable, ended));
  co_return question->snapshot;
}

}  // namespace flopwatt::prometheus
