#include "runtime/async.h"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <stdexcept>
#include <string>
#include <thread>

using namespace flopwatt;
using namespace std::chrono_literals;
using boost::system::system_error;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto forever = std::chrono::hours(1);

// Runs one coroutine to its end, at most 10 s, and rethrows what it threw.
struct Loop {
  asio::io_context io{1};

  void run(awaitable<void> task, asio::cancellation_slot cancel = {}) {
    std::exception_ptr failure;
    bool ended = false;
    auto on_end = [&](const std::exception_ptr& thrown) {
      failure = thrown;
      ended = true;
    };
    asio::co_spawn(io, std::move(task), asio::bind_cancellation_slot(cancel, std::move(on_end)));
    io.run_for(10s);
    REQUIRE(ended);
    if (failure) std::rethrow_exception(failure);
  }
};

awaitable<void> sleep_for(Clock::duration time) { co_await sleep_until(Clock::now() + time); }

awaitable<void> sleep_and_note(Clock::duration time, std::string& notes, const char* name) {
  try {
    co_await sleep_for(time);
    notes += name;
  } catch (const system_error&) {
    notes += '!';
    notes += name;
    throw;
  }
}

awaitable<void> fail() {
  co_await sleep_for(1ms);
  throw std::runtime_error("broken");
}

awaitable<int> value_after(Clock::duration time) {
  co_await sleep_for(time);
  co_return 7;
}

awaitable<int> fail_with_value() {
  co_await fail();
  co_return 0;
}

awaitable<int> note_cancellation(bool& cancelled) {
  try {
    co_await sleep_for(forever);
  } catch (const system_error& error) {
    cancelled = error.code() == asio::error::operation_aborted;
    throw;
  }
  co_return 1;
}

awaitable<void> use_offload(WorkThread& thread, std::thread::id& worked_on, std::thread::id& resumed_on) {
  auto work = [] { return std::this_thread::get_id(); };
  worked_on = co_await offload(thread, work);
  resumed_on = std::this_thread::get_id();
}

awaitable<void> offload_failure(WorkThread& thread) {
  auto work = []() -> int { throw std::runtime_error("disk full"); };
  co_await offload(thread, work);
}

awaitable<void> expect_value(std::optional<int>& result, awaitable<int> operation, Clock::duration limit) {
  result = co_await with_timeout(std::move(operation), limit);
}

}  // namespace

TEST_CASE("offload works on its thread and resumes at home") {
  Loop loop;
  WorkThread thread("this test");
  std::thread::id worked_on;
  std::thread::id resumed_on;
  loop.run(use_offload(thread, worked_on, resumed_on));
  CHECK(resumed_on == std::this_thread::get_id());
  CHECK(worked_on != resumed_on);
}

TEST_CASE("offload brings exceptions home") {
  Loop loop;
  WorkThread thread("this test");
  CHECK_THROWS_WITH_AS(loop.run(offload_failure(thread)), "disk full", std::runtime_error);
}

TEST_CASE("when the first task of a group ends, the others are cancelled and waited for") {
  Loop loop;
  std::string notes;
  std::vector<awaitable<void>> tasks;
  tasks.push_back(sleep_and_note(forever, notes, "a"));
  tasks.push_back(sleep_and_note(1ms, notes, "b"));
  tasks.push_back(sleep_and_note(forever, notes, "c"));
  loop.run(run_until_first_ends(std::move(tasks)));
  CHECK(notes == "b!a!c");
}

TEST_CASE("a group rethrows the failure that ended it, not the cancellations that followed") {
  Loop loop;
  std::string notes;
  std::vector<awaitable<void>> tasks;
  tasks.push_back(sleep_and_note(forever, notes, "a"));
  tasks.push_back(fail());
  CHECK_THROWS_WITH_AS(loop.run(run_until_first_ends(std::move(tasks))), "broken", std::runtime_error);
  CHECK(notes == "!a");
}

TEST_CASE("with_timeout") {
  Loop loop;
  std::optional<int> result = -1;
  SUBCASE("hands on a value that comes in time") {
    loop.run(expect_value(result, value_after(1ms), forever));
    CHECK(result == 7);
  }
  SUBCASE("says nothing when the limit passes, having cancelled the operation") {
    bool cancelled = false;
    loop.run(expect_value(result, note_cancellation(cancelled), 5ms));
    CHECK_FALSE(result.has_value());
    CHECK(cancelled);
  }
  SUBCASE("rethrows at once what the operation threw") {
    const auto begin = Clock::now();
    CHECK_THROWS_WITH_AS(loop.run(expect_value(result, fail_with_value(), forever)), "broken",
                         std::runtime_error);
    CHECK(Clock::now() - begin < 5s);
  }
  SUBCASE("is cancelled with its caller") {
    asio::cancellation_signal cancel;
    asio::steady_timer soon(loop.io, 5ms);
    soon.async_wait(
        [&](const boost::system::error_code&) { cancel.emit(asio::cancellation_type::terminal); });
    bool cancelled = false;
    CHECK_THROWS_AS(loop.run(expect_value(result, note_cancellation(cancelled), forever), cancel.slot()),
                    system_error);
    CHECK(cancelled);
  }
}
