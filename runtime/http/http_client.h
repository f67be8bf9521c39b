// The HTTP client: one GET over HTTP/1.1, with limits on everything. http_client.cpp is the only file that
// instantiates Beast's client.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "readings/result.h"

namespace flopwatt {

/// Target of a GET. The caller looks names up: a look-up needs a thread, which not every user wants.
struct HttpTarget {
  std::vector<boost::asio::ip::tcp::endpoint> endpoints;  ///< tried in this order until one connects
  std::string host;                                       ///< as the user wrote it: header Host, and messages
  std::string path = "/";                                 ///< with the query
  std::shared_ptr<boost::asio::ssl::context> tls{};       ///< null: plain HTTP
  std::string tls_host{};       ///< whose certificate is taken; "": of anybody that `tls` verifies
  std::string authorization{};  ///< the header's value; "": none
};

struct HttpAnswer {
  unsigned status = 0;
  std::string content_type;
  std::string body;
};

struct HttpClientLimits {
  std::chrono::milliseconds deadline{5'000};  ///< for all endpoints, which share the time that is left
  std::uint32_t header_bytes = 8192;
  std::size_t body_bytes = std::size_t{16} << 20;
};

/// The answer, of any status. Faults: connection (no answer, or the connection broke), timeout (no whole
/// answer within the deadline), protocol (no HTTP, or beyond the limits). Throws only when cancelled.
boost::asio::awaitable<Result<HttpAnswer>> http_get(HttpTarget target, HttpClientLimits limits = {});

}  // namespace flopwatt
