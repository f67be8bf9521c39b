// Host name -> addresses without blocking the loop. getaddrinfo() cannot be interrupted and may hang for a
// minute, and Asio's resolver has one thread for all names, so that one dead name server would hold up every
// bus; here a look-up has a thread of its own, which is abandoned when nobody waits for it any more.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <vector>

#include "readings/result.h"

namespace flopwatt::modbus {

class NameLookup {
 public:
  explicit NameLookup(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  /// Addresses of `host`, at least one; a numeric address at once. An error is the reason as text. One call
  /// at a time. Cancelled, it ends at once; the look-up goes on and is taken up by the next call, so that
  /// there is never more than one thread for each NameLookup.
  boost::asio::awaitable<Result<std::vector<boost::asio::ip::tcp::endpoint>, std::string>> find(
      const std::string& host, std::uint16_t port);

 private:
  struct Lookup;

  boost::asio::any_io_executor executor_;
  std::shared_ptr<Lookup> under_way_;
};

}  // namespace flopwatt::modbus
