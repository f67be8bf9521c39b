#include "runtime/side_work.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <utility>

#include "runtime/threads.h"

namespace flopwatt {

// Shared by the waiting coroutine and the thread; whoever is last closes the descriptor.
SideWork::SideWork(std::string purpose, std::function<void()> work)
    : purpose_(std::move(purpose)), work_(std::move(work)), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

SideWork::~SideWork() {
  if (event_ >= 0) ::close(event_);
}

Fault SideWork::no_descriptor() const {
  return {FaultClass::connection, "no file descriptor is left for " + purpose_, 0};
}

Result<std::shared_ptr<SideWork>> SideWork::start(const std::string& purpose, std::function<void()> work) {
  const std::shared_ptr<SideWork> side(new SideWork(purpose, std::move(work)));
  if (side->event_ < 0) return side->no_descriptor();
  std::thread thread = start_thread([side] { side->run(); });
  if (!thread.joinable()) return Fault{FaultClass::connection, no_thread_text(purpose), 0};
  thread.detach();
  return side;
}

void SideWork::run() {
  work_();
  done_ = true;
  // Can only fail where the counter is full, which it is not.
  ::eventfd_write(event_, 1);
}

awaitable<Result<Done>> SideWork::wait() {
  while (!done_) {  // looked at again after the wait: that is what hands the result over
    const int descriptor = ::fcntl(event_, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) co_return no_descriptor();
    asio::posix::stream_descriptor event(co_await asio::this_coro::executor, descriptor);
    co_await event.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
  }
  co_return Done{};
}

}  // namespace flopwatt
