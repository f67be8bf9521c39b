#include "drivers/work/line_receiver.h"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "runtime/clock.h"
#include "runtime/log.h"

namespace flopwatt::work {
namespace {

constexpr std::chrono::seconds retry_period{5};

/// What is taken at once, about 2 ms of work; then polls and everything else have their turn.
constexpr std::size_t most_datagrams = 64;
constexpr std::size_t most_bytes = 4 * largest_datagram;

}  // namespace

awaitable<void> LineReceiver::receive() {
  const auto executor = co_await asio::this_coro::executor;
  for (;;) {
    if (!socket_) open(executor);
    if (socket_) {
      co_await socket_->descriptor.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
      take_waiting();
    } else {
      co_await sleep_until(std::chrono::steady_clock::now() + retry_period);
    }
  }
}

void LineReceiver::open(const asio::any_io_executor& executor) {
  auto opened = open_socket(executor, config_);
  if (!opened) {
    report(opened.error().message);
    return;
  }
  socket_.emplace(std::move(*opened));
  trouble_.clear();
  log::info("receiving counted work", {{"address", config_.text()}});
}

void LineReceiver::report(const std::string& trouble) {
  if (trouble != trouble_) log::error(trouble, {{"next", "it is tried again every 5 s"}});
  trouble_ = trouble;
}

void LineReceiver::take_waiting() {
  std::vector<char>& buffer = sink_.buffer;
  std::size_t bytes = 0;
  for (std::size_t count = 0; count < most_datagrams && bytes < most_bytes; ++count) {
    // With MSG_TRUNC it returns the length that was sent, also where that is more than the buffer.
    const ssize_t length =
        ::recv(socket_->descriptor.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      report("cannot receive counted work on " + config_.text() + ": " +
             std::generic_category().message(errno));
      socket_.reset();
      return;
    }
    const auto sent = static_cast<std::size_t>(length);
    take_datagram({buffer.data(), std::min(sent, buffer.size())}, sent > buffer.size());
    bytes += sent;
  }
}

void LineReceiver::take_datagram(std::string_view datagram, bool is_cut) {
  const std::int64_t now_us = now().monotonic_us;
  const std::string_view cut = is_cut ? datagram.substr(datagram.rfind('\n') + 1) : std::string_view();
  datagram.remove_suffix(cut.size());
  while (const auto line = take_line(datagram))
    if (const auto refusal = sink_.counter.take(*line, now_us); refusal && *refusal != Refusal::foreign)
      sink_.log.note(*refusal, *line, now_us);
  if (!is_cut) return;
  sink_.counter.refuse(Refusal::overflow);
  sink_.log.note(Refusal::overflow, cut, now_us);
}

}  // namespace flopwatt::work
