#include "agent/daemon/exit_deadline.h"

#include <unistd.h>

#include <new>
#include <string_view>
#include <utility>

#include "runtime/exit_code.h"
#include "runtime/log.h"
#include "runtime/threads.h"

namespace flopwatt::daemon {

ExitDeadline::ExitDeadline()
    : thread_(start_needed_thread("the agent's exit deadline", [this] { wait(); })) {}

ExitDeadline::~ExitDeadline() {
  {
    const std::scoped_lock lock(mutex_);
    has_ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ExitDeadline::arm(std::chrono::milliseconds limit, std::string message) {
  {
    const std::scoped_lock lock(mutex_);
    if (deadline_) return;
    deadline_ = {std::chrono::steady_clock::now() + limit, std::move(message)};
  }
  changed_.notify_all();
}

void ExitDeadline::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return deadline_ || has_ended_; });
  if (has_ended_ || changed_.wait_until(lock, deadline_->time, [this] { return has_ended_; })) return;
  log::error(deadline_->message);
  log::stop();
  _exit(exit_store);
}

void end_when_memory_runs_out() {
  std::set_new_handler([] {
    constexpr std::string_view message =
        "flopwatt: out of memory; raise the limit (MemoryMax=) or the machine's memory\n";
    // Nothing else can be done where not even this is written.
    static_cast<void>(!write(STDERR_FILENO, message.data(), message.size()));
    _exit(exit_device);
  });
}

}  // namespace flopwatt::daemon
