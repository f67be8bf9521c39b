// The HTTP client: one GET over HTTP/1.1, with limits on everything. http_client.cpp is the only file that
// instantiates Beast's client.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "readings/result.h"

namespace flopwatt {

/// What to get, and from where. Names are looked up by the caller: that needs a thread, which not every user
/// wants.
struct HttpTarget {
  std::vector<boost::asio::ip::tcp::endpoint> endpoints;  ///< tried in this order until one connects
  std::string host;                                       ///< as the user wrote it: header Host, and messages
  std::string path = "/";                                 ///< with the query
};

struct HttpAnswer {
  unsigned status = 0;
  std::string content_type;
  std::string body;
};

struct HttpClientLimits {
  std::chrono::milliseconds deadline{5'000};  ///< for all of it; those that are left share what is left
  std::uint32_t header_bytes = 8192;
  std::size_t body_bytes = std::size_t{16} << 20;
};

/// Answers of every status are answers. Faults: connection (nobody answers there, or it broke), timeout (not
/// all of it within the deadline), protocol (no HTTP, or larger than the limits). Throws only when cancelled.
boost::asio::awaitable<Result<HttpAnswer>> http_get(HttpTarget target, HttpClientLimits limits = {});

}  // namespace flopwatt
