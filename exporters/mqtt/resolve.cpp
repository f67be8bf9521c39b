#include "exporters/mqtt/resolve.h"

#include <netdb.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <optional>
#include <thread>

namespace flopwatt::mqtt {
namespace {

constexpr std::chrono::seconds limit{5};
constexpr std::chrono::milliseconds look_interval{10};

std::string bracketed(const std::string& address) {
  return address.find(':') == std::string::npos ? address : '[' + address + ']';
}

}  // namespace

/// Shared with the thread that looks up; `done` publishes the rest.
struct Resolver::Lookup {
  std::string host;
  std::string address;
  int code = 0;
  std::atomic<bool> done{false};

  void run() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    code = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    const addrinfo* chosen = found;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
      if (each->ai_family != AF_INET) continue;
      chosen = each;
      break;
    }
    std::array<char, NI_MAXHOST> text{};
    if (code == 0)
      code = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, text.data(), text.size(), nullptr, 0,
                         NI_NUMERICHOST);
    if (code == 0) address = text.data();
    if (found != nullptr) freeaddrinfo(found);
    done.store(true, std::memory_order_release);
  }
};

awaitable<Result<std::string>> Resolver::numeric(std::string host) {
  boost::system::error_code no_address;
  asio::ip::make_address(host, no_address);
  if (!no_address) co_return bracketed(host);

  if (!under_way_) {
    under_way_ = std::make_shared<Lookup>();
    under_way_->host = host;
    std::thread(&Lookup::run, under_way_).detach();
  }
  const std::shared_ptr<Lookup> lookup = under_way_;
  const auto give_up = std::chrono::steady_clock::now() + limit;
  while (!lookup->done.load(std::memory_order_acquire)) {
    if (std::chrono::steady_clock::now() >= give_up)
      co_return Fault{FaultClass::connection,
                      "name server does not tell the address of " + host + " within 5 s"};
    co_await sleep_until(std::chrono::steady_clock::now() + look_interval);
  }
  under_way_.reset();
  if (lookup->code != 0)
    co_return Fault{FaultClass::connection, "no address of " + host + ": " + gai_strerror(lookup->code)};
  co_return bracketed(lookup->address);
}

}  // namespace flopwatt::mqtt
