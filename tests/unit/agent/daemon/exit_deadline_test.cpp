#include "agent/daemon/exit_deadline.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "runtime/exit_code.h"
#include "runtime/threads.h"
#include "tests/unit/runtime/without_threads.h"

using namespace flopwatt;
using daemon::ExitDeadline;
using namespace std::chrono_literals;

namespace {

/// The exit code of a child that does `act` and then ends with 0.
template <class Act>
int exit_code_after(const Act& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    act();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("what does not end until its deadline is ended, whoever hangs") {
  const auto begin = std::chrono::steady_clock::now();
  CHECK(exit_code_after([] {
          ExitDeadline deadline;
          deadline.arm(50ms, "the deadline of this test has passed");
          deadline.arm(1h, "never");
          std::this_thread::sleep_for(20s);
        }) == exit_store);
  CHECK(std::chrono::steady_clock::now() - begin < 10s);
}

TEST_CASE("who ends in time, or is never asked to end, is left alone") {
  CHECK(exit_code_after([] {
          { const ExitDeadline never_armed; }
          ExitDeadline deadline;
          deadline.arm(1h, "never");
        }) == 0);
}

TEST_CASE("its thread begins with it: where none is left that is known at the start") {
  CHECK(test::holds_without_threads([] {
    try {
      const ExitDeadline deadline;
    } catch (const NoThread&) {
      return true;
    }
    return false;
  }));
  // And none is needed at the end.
  CHECK(exit_code_after([] {
          ExitDeadline deadline;
          if (!test::leave_threads(0)) return;
          deadline.arm(50ms, "the deadline of this test has passed");
          std::this_thread::sleep_for(20s);
        }) == exit_store);
}
