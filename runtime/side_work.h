// Blocking work that may never return: a name server that is silent, a file on a hung mount. It runs on a thread
// of its own, which is abandoned when nobody waits for it any more; a WorkThread would be waited for at the end.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "readings/result.h"
#include "runtime/async.h"

namespace flopwatt {

class SideWork {
 public:
  /// Starts `work`, which may outlive everything but what it holds itself. A Fault of class connection: no
  /// thread or no file descriptor is left for `purpose` ("the look-up"). Any thread.
  [[nodiscard]] static Result<std::shared_ptr<SideWork>> start(const std::string& purpose,
                                                               std::function<void()> work);
  SideWork(const SideWork&) = delete;
  SideWork& operator=(const SideWork&) = delete;
  ~SideWork();

  /// Returns when `work` has returned; what it wrote can be read then. Cancelled, it ends at once, the work
  /// goes on, and wait() may be called again. Fails as start() where no file descriptor is left.
  [[nodiscard]] awaitable<Result<Done>> wait();

 private:
  SideWork(std::string purpose, std::function<void()> work);
  void run();
  [[nodiscard]] Fault no_descriptor() const;

  const std::string purpose_;
  const std::function<void()> work_;
  const int event_;  // readable when done
  std::atomic<bool> done_ = false;
};

}  // namespace flopwatt
