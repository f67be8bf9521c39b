// Ends the process when an orderly end is not possible, or takes too long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace flopwatt::daemon {

/// From construction on, the process has `limit` to destroy this object; else `message` is logged and the
/// process ends at once with exit code 3. A thread of its own, since what hangs may be any other.
class ExitDeadline {
 public:
  ExitDeadline(std::chrono::milliseconds limit, std::string message);
  ~ExitDeadline();
  ExitDeadline(const ExitDeadline&) = delete;
  ExitDeadline& operator=(const ExitDeadline&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::thread thread_;
};

/// From now on, an allocation that fails says so on standard error and ends the process at once with exit
/// code 2, on whichever thread: nothing can be relied on without memory, and the service manager starts the
/// agent anew. What is stored stays stored.
void end_when_memory_runs_out();

}  // namespace flopwatt::daemon
