#include "drivers/modbus/wire/resolve.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "runtime/async.h"

namespace flopwatt::modbus {

using boost::asio::ip::tcp;

namespace {
constexpr const char* no_descriptor = "no file descriptor is left for the look-up";
}

// Shared by the waiting coroutine and the thread; whoever is last closes the descriptor.
struct NameLookup::Lookup {
  explicit Lookup(std::string name) : host(std::move(name)), event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Lookup() {
    if (event >= 0) ::close(event);
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  void run();

  const std::string host;
  const int event;  // readable when done
  std::atomic<bool> done = false;
  std::vector<boost::asio::ip::address> addresses;  // these two: written before `done`
  std::string error;
};

void NameLookup::Lookup::run() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) error = gai_strerror(status);
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoint.resize(entry->ai_addrlen);
    addresses.push_back(endpoint.address());
  }
  if (found != nullptr) freeaddrinfo(found);
  done = true;
  const std::uint64_t one = 1;
  // Can only fail where the counter is full, which it is not.
  [[maybe_unused]] const auto written = ::write(event, &one, sizeof one);
}

awaitable<Result<std::vector<tcp::endpoint>, std::string>> NameLookup::find(const std::string& host,
                                                                            std::uint16_t port) {
  boost::system::error_code no_number;
  const auto number = asio::ip::make_address(host, no_number);
  if (!no_number) co_return std::vector{tcp::endpoint(number, port)};

  if (!under_way_) {
    auto lookup = std::make_shared<Lookup>(host);
    if (lookup->event < 0) co_return std::string(no_descriptor);
    try {
      std::thread(&Lookup::run, lookup).detach();
    } catch (const std::system_error&) {
      co_return std::string("no thread is left for the look-up");
    }
    under_way_ = std::move(lookup);
  }
  while (!under_way_->done) {  // looked at again after the wait: that is what hands the result over
    const int descriptor = ::fcntl(under_way_->event, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) co_return std::string(no_descriptor);
    asio::posix::stream_descriptor event(executor_, descriptor);
    co_await event.async_wait(asio::posix::descriptor_base::wait_read, asio::use_awaitable);
  }
  const auto lookup = std::exchange(under_way_, nullptr);
  if (lookup->addresses.empty()) co_return lookup->error;
  std::vector<tcp::endpoint> endpoints;
  for (const auto& address : lookup->addresses) endpoints.emplace_back(address, port);
  co_return endpoints;
}

}  // namespace flopwatt::modbus
