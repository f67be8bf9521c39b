#include "runtime/side_work.h"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <future>
#include <memory>

#include "tests/unit/runtime/without_threads.h"

using namespace flopwatt;
using namespace std::chrono_literals;

namespace {

awaitable<void> wait_for(SideWork& work, std::chrono::milliseconds limit, bool& ended) {
  ended = (co_await with_timeout(work.wait(), limit)).has_value();
}

bool ends(SideWork& work, std::chrono::milliseconds limit) {
  asio::io_context loop{1};
  bool ended = false;
  asio::co_spawn(loop, wait_for(work, limit, ended), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  loop.run_for(30s);
  return ended;
}

}  // namespace

// First: a sanitizer starts no thread in the child of a process in which an abandoned one still ends.
TEST_CASE("no thread for side work is a fault that says so") {
  CHECK(test::holds_without_threads([] {
    const auto work = SideWork::start("a test", [] {});
    return !work && work.error().message.starts_with("no thread is left for a test; raise the limit");
  }));
}

TEST_CASE("work that blocks holds up nobody, and can be waited for again") {
  auto released = std::make_shared<std::promise<void>>();
  auto result = std::make_shared<int>(0);
  auto work = SideWork::start("a test", [released, result] {
    released->get_future().wait();
    *result = 7;
  });
  REQUIRE(work);
  CHECK_FALSE(ends(**work, 50ms));
  released->set_value();
  CHECK(ends(**work, 20s));
  CHECK(*result == 7);
  CHECK(ends(**work, 20s));  // it stays done
}

TEST_CASE("work that never ends is abandoned") {
  auto never = std::make_shared<std::promise<void>>();
  auto work = SideWork::start("a test", [never] { never->get_future().wait(); });
  REQUIRE(work);
  CHECK_FALSE(ends(**work, 10ms));
  const auto begin = std::chrono::steady_clock::now();
  work = Fault{};
  CHECK(std::chrono::steady_clock::now() - begin < 1s);
  never->set_value();
}
