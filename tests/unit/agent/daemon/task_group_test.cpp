#include "agent/daemon/task_group.h"

#include <doctest/doctest.h>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/io_context.hpp>
#include <stdexcept>
#include <string>

#include "runtime/schedule.h"

namespace flopwatt::daemon {
namespace {

using namespace std::chrono_literals;

awaitable<void> until_cancelled(int& ended) {
  try {
    co_await sleep_until(SteadyTime::max());
  } catch (...) {
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await sleep_until(std::chrono::steady_clock::now() + 10ms);  // takes its leave
  ++ended;
}

awaitable<void> fail() {
  co_await sleep_until(std::chrono::steady_clock::now());
  throw std::runtime_error("a bug");
}

void run(asio::io_context& io, awaitable<void> task) {
  std::exception_ptr failure;
  bool ended = false;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr thrown) {
    failure = thrown;
    ended = true;
  });
  io.run_for(10s);
  REQUIRE(ended);
  if (failure) std::rethrow_exception(failure);
}

awaitable<void> end_one(TaskGroup& group, int& first_ended, int& second_ended) {
  const TaskGroup::Id first = group.start(until_cancelled(first_ended));
  group.start(until_cancelled(second_ended));
  const std::vector<TaskGroup::Id> only_first(1, first);
  co_await group.end(only_first);
  CHECK(first_ended == 1);
  CHECK(second_ended == 0);
  co_await group.end(only_first);  // has ended already
  co_await group.end_all();
  CHECK(second_ended == 1);
  group.start(fail());  // nothing begins any more
  co_await group.end_all();
}

awaitable<void> wait_for_failure(TaskGroup& group, int& ended) {
  const TaskGroup::Id asked = group.start(until_cancelled(ended));
  const std::vector<TaskGroup::Id> only_asked(1, asked);
  co_await group.end(only_asked);  // its end is not one by itself
  group.start(until_cancelled(ended));
  group.start(fail());
  std::string what;
  try {
    co_await group.until_one_ends_by_itself();
  } catch (const std::runtime_error& error) {
    what = error.what();
  }
  CHECK(what == "a bug");
  co_await group.end_all();
  CHECK(ended == 2);
}

awaitable<void> fail_beside_tasks(TaskGroup& group, int& ended) {
  group.start(until_cancelled(ended));
  group.fail(std::make_exception_ptr(std::runtime_error("a bug")));
  group.fail(std::make_exception_ptr(std::runtime_error("what follows from it")));
  CHECK_THROWS_WITH_AS(co_await group.until_one_ends_by_itself(), "a bug", std::runtime_error);
  co_await group.end_all();
  CHECK(ended == 1);
}

}  // namespace

TEST_CASE("a task is ended by itself, and its end is waited for") {
  asio::io_context io(1);
  TaskGroup group(io.get_executor());
  int first = 0, second = 0;
  run(io, end_one(group, first, second));
}

TEST_CASE("what a task throws by itself comes out") {
  asio::io_context io(1);
  TaskGroup group(io.get_executor());
  int ended = 0;
  run(io, wait_for_failure(group, ended));
}

TEST_CASE("what is thrown beside the tasks is as what one throws") {
  asio::io_context io(1);
  TaskGroup group(io.get_executor());
  int ended = 0;
  run(io, fail_beside_tasks(group, ended));
}

}  // namespace flopwatt::daemon
