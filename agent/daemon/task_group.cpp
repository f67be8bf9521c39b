#include "agent/daemon/task_group.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <utility>

namespace flopwatt::daemon {

TaskGroup::Id TaskGroup::start(awaitable<void> task) {
  const Id id = next_++;
  if (closed_) return id;
  Task& started = *tasks_.emplace(id, std::make_unique<Task>()).first->second;
  const auto on_completion = [this, id](std::exception_ptr failure) { on_end(id, std::move(failure)); };
  asio::co_spawn(loop_, std::move(task), asio::bind_cancellation_slot(started.cancel.slot(), on_completion));
  return id;
}

void TaskGroup::on_end(Id id, std::exception_ptr failure) {
  const auto task = tasks_.find(id);
  if (!task->second->asked) fail(std::move(failure));
  tasks_.erase(task);
  ended_.notify();
}

void TaskGroup::fail(std::exception_ptr failure) {
  if (!std::exchange(one_ended_, true)) failure_ = std::move(failure);
  ended_.notify();
}

awaitable<void> TaskGroup::end(std::vector<Id> tasks) {
  for (const Id id : tasks) {
    const auto task = tasks_.find(id);
    if (task == tasks_.end()) continue;
    task->second->asked = true;
    task->second->cancel.emit(asio::cancellation_type::terminal);
  }
  co_await wait_for_end(tasks);
}

awaitable<void> TaskGroup::end_all() {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  closed_ = true;
  std::vector<Id> all;
  for (const auto& [id, task] : tasks_) all.push_back(id);
  co_await end(std::move(all));
}

awaitable<void> TaskGroup::wait_for_end(const std::vector<Id>& tasks) {
  const auto runs = [this](Id id) { return tasks_.contains(id); };
  while (std::ranges::any_of(tasks, runs)) co_await ended_.wait();
}

awaitable<void> TaskGroup::until_one_ends_by_itself() {
  while (!one_ended_) co_await ended_.wait();
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace flopwatt::daemon
