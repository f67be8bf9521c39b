// Tasks of one loop that begin and end at any time, as drivers and exporters do when the configuration is
// reloaded. Each ends when it is asked to; one that ends by itself ends the agent.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <vector>

#include "runtime/async.h"
#include "runtime/condition.h"

namespace flopwatt::daemon {

class TaskGroup {
 public:
  using Id = std::uint64_t;  ///< never used again

  /// `loop` runs all tasks; everything here happens on it. Must outlive every task: see end_all().
  explicit TaskGroup(asio::any_io_executor loop) : loop_(std::move(loop)) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Begins a task; none any more once end_all() was called. What it refers to must live until it has ended.
  Id start(awaitable<void> task);

  /// Cancels these tasks and waits until all of them have ended; what they throw then is of no interest.
  /// Throws operation_aborted when the caller is cancelled; the tasks are cancelled all the same.
  awaitable<void> end(std::vector<Id> tasks);
  /// The same for all that there are; cancelling the caller changes nothing.
  awaitable<void> end_all();

  /// Returns when a task ends that nobody asked to, and rethrows what it threw.
  awaitable<void> until_one_ends_by_itself();
  /// As if a task had thrown this: for what a handler of the loop throws.
  void fail(std::exception_ptr failure);

 private:
  struct Task {
    asio::cancellation_signal cancel;
    bool asked = false;
  };

  void on_end(Id id, std::exception_ptr failure);
  awaitable<void> wait_for_end(const std::vector<Id>& tasks);

  asio::any_io_executor loop_;
  std::map<Id, std::unique_ptr<Task>> tasks_;
  Id next_ = 0;
  bool closed_ = false;
  bool one_ended_ = false;
  std::exception_ptr failure_;  // of the first that ended by itself
  Condition ended_;
};

}  // namespace flopwatt::daemon
