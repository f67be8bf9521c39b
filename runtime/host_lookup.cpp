#include "runtime/host_lookup.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstring>

#include "runtime/threads.h"

namespace flopwatt {
namespace {

Fault no_address(std::string reason) { return {FaultClass::connection, std::move(reason), 0}; }

Fault no_descriptor() { return no_address("no file descriptor is left for the look-up"); }

}  // namespace

// Shared by the waiting coroutine and the thread; whoever is last closes the descriptor.
struct HostLookup::Search {
  explicit Search(std::string name) : host(std::move(name)), event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Search() {
    if (event >= 0) ::close(event);
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;

  void run();

  const std::string host;
  const int event;  // readable when done
  std::atomic<bool> done = false;
  std::vector<asio::ip::address> addresses;  // these two: written before `done`
  std::string error;
};

void HostLookup::Search::run() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) error = gai_strerror(status);
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoint.resize(entry->ai_addrlen);
    addresses.push_back(endpoint.address());
  }
  if (found != nullptr) freeaddrinfo(found);
  done = true;
  // Can only fail where the counter is full, which it is not.
  ::eventfd_write(event, 1);
}

std::optional<Fault> HostLookup::begin() {
  auto search = std::make_shared<Search>(host_);
  if (search->event < 0) return no_descriptor();
  std::thread thread = start_thread([search] { search->run(); });
  if (!thread.joinable()) return no_address(no_thread_text("the look-up"));
  thread.detach();
  search_ = std::move(search);
  return std::nullopt;
}

awaitable<Result<std::vector<asio::ip::address>>> HostLookup::find() {
  boost::system::error_code no_number;
  const auto number = asio::ip::make_address(host_, no_number);
  if (!no_number) co_return std::vector{number};

  if (!search_)
    if (auto fault = begin()) co_return *std::move(fault);
  while (!search_->done) {  // looked at again after the wait: that is what hands the result over
    const int descriptor = ::fcntl(search_->event, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) co_return no_descriptor();
    asio::posix::stream_descriptor event(co_await asio::this_coro::executor, descriptor);
    co_await event.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
  }
  const auto search = std::exchange(search_, nullptr);
  if (search->addresses.empty()) co_return no_address(search->error);
  co_return search->addresses;
}

}  // namespace flopwatt
