// Ends the process when an orderly end is not possible, or takes too long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace flopwatt::daemon {

/// Waits on a thread of its own, since what hangs may be any other. The thread begins with this object: at
/// the end there may be none left to begin.
class ExitDeadline {
 public:
  /// Throws NoThread where no thread is left.
  ExitDeadline();
  ExitDeadline(const ExitDeadline&) = delete;
  ExitDeadline& operator=(const ExitDeadline&) = delete;
  ~ExitDeadline();

  /// From now on, the process has `limit` to destroy this object; else `message` is logged and the process
  /// ends at once with exit code 3. Only the first call counts.
  void arm(std::chrono::milliseconds limit, std::string message);

 private:
  struct Deadline {
    std::chrono::steady_clock::time_point time;
    std::string message;
  };

  void wait();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Deadline> deadline_;
  bool has_ended_ = false;
  std::thread thread_;
};

/// From now on, an allocation that fails says so on standard error and ends the process at once with exit
/// code 2, on whichever thread: nothing can be relied on without memory, and the service manager starts the
/// agent anew. What is stored stays stored.
void end_when_memory_runs_out();

}  // namespace flopwatt::daemon
