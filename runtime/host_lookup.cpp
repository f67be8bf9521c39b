#include "runtime/host_lookup.h"

#include <netdb.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstring>

#include "runtime/side_work.h"

namespace flopwatt {

struct HostLookup::Search {
  // Of the thread until its work is done.
  struct Answer {
    std::vector<asio::ip::address> addresses;
    std::string error;
  };

  std::shared_ptr<const Answer> answer;
  std::shared_ptr<SideWork> work;
};

namespace {

void search_host(const std::string& host, std::vector<asio::ip::address>& addresses, std::string& error) {
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
}

}  // namespace

std::optional<Fault> HostLookup::begin() {
  const auto answer = std::make_shared<Search::Answer>();
  auto work = SideWork::start(
      "the look-up", [host = host_, answer] { search_host(host, answer->addresses, answer->error); });
  if (!work) return work.error();
  search_ = std::make_shared<Search>(Search{answer, *std::move(work)});
  return std::nullopt;
}

awaitable<Result<std::vector<asio::ip::address>>> HostLookup::find() {
  boost::system::error_code no_number;
  const auto number = asio::ip::make_address(host_, no_number);
  if (!no_number) co_return std::vector{number};

  if (!search_)
    if (auto fault = begin()) co_return *std::move(fault);
  const Result<Done> done = co_await search_->work->wait();
  if (!done) co_return done.error();
  const auto search = std::exchange(search_, nullptr);
  if (search->answer->addresses.empty()) co_return Fault{FaultClass::connection, search->answer->error, 0};
  co_return search->answer->addresses;
}

}  // namespace flopwatt
