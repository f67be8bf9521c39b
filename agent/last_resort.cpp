#include "agent/last_resort.h"

#include <unistd.h>

#include <utility>

#include "agent/exit_code.h"
#include "runtime/log.h"

namespace flopwatt::agent {

LastResort::LastResort(std::chrono::milliseconds limit, std::string message)
    : thread_([this, limit, text = std::move(message)] {
        std::unique_lock lock(mutex_);
        if (ended_.wait_for(lock, limit, [this] { return has_ended_; })) return;
        log::error(text);
        log::stop();
        _exit(exit_store);
      }) {}

LastResort::~LastResort() {
  {
    const std::scoped_lock lock(mutex_);
    has_ended_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

}  // namespace flopwatt::agent
