#include "runtime/threads.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <utility>

#include "tests/unit/runtime/without_threads.h"

using namespace flopwatt;
using test::holds_with_threads;
using test::holds_without_threads;

namespace {

bool joined(std::thread thread) {
  const bool began = thread.joinable();
  if (began) thread.join();
  return began;
}

}  // namespace

TEST_CASE("a thread that cannot be started is a value, or an exception that says what to do") {
  CHECK(joined(start_thread([] {})));
  CHECK(holds_without_threads([] { return !joined(start_thread([] {})); }));
  CHECK(holds_without_threads([] {
    try {
      const WorkThread thread("the store");
    } catch (const NoThread& none) {
      const std::string text = none.what();
      return text.starts_with("no thread is left for the store; raise the limit of tasks (TasksMax=");
    }
    return false;
  }));
}

TEST_CASE("whether threads can be started, and afterwards they still can") {
  CHECK(can_start_threads(2));
  CHECK(holds_without_threads([] { return can_start_threads(0) && !can_start_threads(1); }));
  // Many times: the kernel counts a thread that was joined for a moment longer.
  CHECK(holds_with_threads(2, [] {
    for (int i = 0; i < 500; ++i) {
      if (!can_start_threads(2)) return false;
      std::atomic<bool> end = false;
      std::thread first = start_thread([&end] { end.wait(false); });
      std::thread second = start_thread([&end] { end.wait(false); });
      const bool both = first.joinable() && second.joinable();
      end = true;
      end.notify_all();
      if (!joined(std::move(first)) || !joined(std::move(second)) || !both) return false;
      while (!can_start_threads(2)) std::this_thread::yield();  // these two may not be gone
    }
    return !can_start_threads(3);
  }));
}
