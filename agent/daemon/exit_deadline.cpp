#include "agent/daemon/exit_deadline.h"

#include <unistd.h>

#include <new>
#include <string_view>
#include <utility>

#include "runtime/exit_code.h"
#include "runtime/log.h"

namespace flopwatt::daemon {

ExitDeadline::ExitDeadline(std::chrono::milliseconds limit, std::string message)
    : thread_([this, limit, text = std::move(message)] {
        std::unique_lock lock(mutex_);
        if (ended_.wait_for(lock, limit, [this] { return has_ended_; })) return;
        log::error(text);
        log::stop();
        _exit(exit_store);
      }) {}

ExitDeadline::~ExitDeadline() {
  {
    const std::scoped_lock lock(mutex_);
    has_ended_ = true;
  }
  ended_.notify_all();
  thread_.join();
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
