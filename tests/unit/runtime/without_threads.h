// A process for whom no thread is left: a child of a user of its own, since the limit holds for all processes
// of a user and not for root.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iterator>

namespace flopwatt::test {

/// From now on this process can start so many threads. It is a user of its own then, who may raise the limit
/// again. False where that cannot be arranged.
inline bool leave_threads(unsigned threads) {
  const uid_t user = 60'000U + static_cast<uid_t>(::getpid()) % 5'000U;  // nobody's, mapped in containers
  // Those that run already count, too: a sanitizer has one of its own.
  const std::filesystem::directory_iterator running("/proc/self/task");
  const rlimit limit{threads + static_cast<rlim_t>(std::distance(begin(running), end(running))), 10'000};
  return ::setrlimit(RLIMIT_NPROC, &limit) == 0 && (::geteuid() != 0 || ::setuid(user) == 0);
}

/// Whether `check` returns true in a child process that can start `threads` threads.
template <class Check>
bool holds_with_threads(unsigned threads, const Check& check) {
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    bool good = leave_threads(threads);
    try {
      good = good && check();
    } catch (const std::exception&) {
      good = false;
    }
    ::_exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

template <class Check>
bool holds_without_threads(const Check& check) {
  return holds_with_threads(0, check);
}

}  // namespace flopwatt::test
