// Threads, which the system may refuse: a limit of tasks (TasksMax= of the service, `ulimit -u` of its user)
// leaves none to be started. Every thread of this program begins here, but those of libraries.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace flopwatt {

/// What an operator can do where no thread or process is left.
inline constexpr std::string_view more_tasks =
    "raise the limit of tasks (TasksMax= of the service, `ulimit -u` of its user)";

/// "no thread is left for <purpose>; <more_tasks>"
[[nodiscard]] std::string no_thread_text(const std::string& purpose);

/// A thread that runs `work`; not joinable() where none is left.
[[nodiscard]] std::thread start_thread(std::function<void()> work);

/// No thread is left for something that the agent cannot do without; what() is no_thread_text().
class NoThread : public std::runtime_error {
 public:
  explicit NoThread(const std::string& purpose) : std::runtime_error(no_thread_text(purpose)) {}
};

/// As start_thread(), but throws NoThread where none is left.
[[nodiscard]] std::thread start_needed_thread(const std::string& purpose, std::function<void()> work);

/// Whether so many more threads can be started at this moment: starts them, and returns when they are gone.
/// For a library that does not look whether its own threads start.
[[nodiscard]] bool can_start_threads(unsigned count);

/// One thread for blocking work, see offload(). Begins with the object; throws NoThread where none is left.
class WorkThread {
 public:
  explicit WorkThread(const std::string& purpose);
  WorkThread(const WorkThread&) = delete;
  WorkThread& operator=(const WorkThread&) = delete;
  /// Waits for the work that runs; what waits behind it is dropped.
  ~WorkThread();

  [[nodiscard]] boost::asio::io_context::executor_type get_executor() { return queue_.get_executor(); }

 private:
  boost::asio::io_context queue_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> goes_on_{queue_.get_executor()};
  std::thread thread_;
};

}  // namespace flopwatt
