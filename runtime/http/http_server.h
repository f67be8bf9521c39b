// The HTTP server: GET and HEAD over HTTP/1.1, with limits on everything. http_server.cpp is the only file
// that instantiates Beast's server. One loop, one thread: every call, and every call of the handler, is on
// the executor that the server was made with.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "readings/result.h"

namespace flopwatt {

/// One GET or HEAD. Answer a HEAD like a GET: the server leaves the body out.
struct HttpRequest {
  std::string path;   ///< as sent, not decoded: "/metrics"
  std::string query;  ///< behind the '?', not decoded
  std::string accept;
  std::string accept_encoding;
  std::string authorization;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::shared_ptr<const std::string> body;  ///< shared by all clients that get it; null: empty
  std::vector<std::pair<std::string, std::string>> headers;  ///< further ones
};

/// The TLS of a connection that begins now; null: it is plain HTTP.
using ChooseTls = std::function<std::shared_ptr<boost::asio::ssl::context>()>;

using HttpHandler = std::function<boost::asio::awaitable<HttpResponse>(HttpRequest)>;

/// Limits of one server. The server refuses a request with a body (413) or a larger head (431).
struct HttpLimits {
  /// Beyond a limit a new connection replaces the one that has waited longest for its client: beyond
  /// `per_address` of its own address, beyond `connections` of the address that has most. If all of these are being
  /// answered, the new one gets 503, but where its address has fewer than the one that has most, that one loses its
  /// oldest. So idle, slow and many clients never keep others out. An IPv6 network of 64 bits is one address.
  std::size_t connections = 256;
  std::size_t per_address = 32;
  std::uint32_t header_bytes = 8192;  ///< of the request line; the same again for all header lines together
  /// For the whole head, from its first byte; of a new connection from the start.
  std::chrono::milliseconds header{5'000};
  std::chrono::milliseconds idle{75'000};   ///< between two requests of one connection
  std::chrono::milliseconds write{10'000};  ///< for a whole response
};

class HttpServer {
 public:
  HttpServer(boost::asio::any_io_executor executor, HttpHandler handler, HttpLimits limits = {},
             ChooseTls choose_tls = {});
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();  ///< run() must have ended

  /// Binds and listens. Returns the bound ports, one for each address of `host`. An empty host is all
  /// addresses: IPv6 and IPv4, or IPv4 only on a machine without IPv6. Port 0: the system chooses. Looks a
  /// name up, blocking: for the start of the program. Callable several times before run().
  [[nodiscard]] Result<std::vector<std::uint16_t>> listen(const std::string& host, std::uint16_t port);

  /// Takes over a socket that listens already (of the service manager); its port.
  [[nodiscard]] Result<std::uint16_t> adopt(int descriptor);

  /// HttpLimits::connections from now on; those that are open stay.
  void limit_connections(std::size_t most);

  /// Serves until cancelled, then closes all connections at once and throws operation_aborted. If a handler
  /// throws, the client gets 500 and the exception is logged.
  boost::asio::awaitable<void> run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flopwatt
