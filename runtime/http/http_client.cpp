#include "runtime/http/http_client.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <utility>

#include "runtime/async.h"
#include "runtime/http/http_stream.h"
#include "runtime/tls/handshake.h"
#include "runtime/version.h"

namespace flopwatt {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using ResponseParser = http::response_parser<http::string_body>;

/// Throws where the caller was cancelled.
Fault fault_of(const HttpTarget& target, const error_code& error, HttpClientLimits limits) {
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  const std::string what = (target.tls ? "GET https://" : "GET http://") + target.host + target.path + ": ";
  if (error == beast::error::timeout)
    return {FaultClass::timeout,
            what + "no answer within " + std::to_string(limits.deadline.count()) + " ms"};
  if (error == http::error::body_limit || error == http::error::header_limit ||
      error == http::error::buffer_overflow)
    return {FaultClass::protocol, what + "the answer is larger than is read"};
  // Beast also reports a connection that ends within the answer.
  if (error.category() == http::make_error_code(http::error::bad_version).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message)
    return {FaultClass::protocol, what + "the answer is no HTTP: " + error.message()};
  return {FaultClass::connection, what + error.message()};
}

/// Each endpoint gets its share of the time that is left.
awaitable<error_code> connect(beast::tcp_stream& stream, const HttpTarget& target,
                              Clock::time_point deadline) {
  error_code error = asio::error::host_not_found;
  for (std::size_t i = 0; i < target.endpoints.size(); ++i) {
    const auto left = deadline - Clock::now();
    if (left <= Clock::duration::zero()) co_return beast::error::timeout;
    error = {};
    stream.expires_after(left / static_cast<int>(target.endpoints.size() - i));
    co_await stream.async_connect(target.endpoints[i], asio::redirect_error(asio::use_awaitable, error));
    if (!error || error == asio::error::operation_aborted) co_return error;
    stream.close();
  }
  co_return error;
}

awaitable<error_code> ask(HttpStream& stream, const HttpTarget& target) {
  http::request<http::empty_body> request(http::verb::get, target.path, 11);
  request.set(http::field::host, target.host);
  request.set(http::field::user_agent, "flopwatt/" + std::string(version));
  request.set(http::field::accept, "application/json");
  request.set(http::field::connection, "close");
  if (!target.authorization.empty()) request.set(http::field::authorization, target.authorization);
  error_code error;
  co_await http::async_write(stream, request, asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

bool is_of_tls(const error_code& error) {
  return error.category() == asio::error::get_ssl_category() ||
         error.category() == error_code(asio::ssl::error::stream_truncated).category();
}

// As fault_of(), for an error of a stream that may speak TLS.
Fault stream_fault(HttpStream& stream, const HttpTarget& target, const error_code& error,
                   HttpClientLimits limits) {
  if (stream.tls() == nullptr || !is_of_tls(error)) return fault_of(target, error, limits);
  return {FaultClass::protocol,
          "GET https://" + target.host + target.path + ": " + tls_failure_words(stream.tls(), error)};
}

awaitable<error_code> begin_tls(HttpStream& stream, const HttpTarget& target) {
  if (!target.tls) co_return error_code();
  stream.use_tls(target.tls);
  if (!target.tls_host.empty() && !expect_host(stream.tls(), target.tls_host))
    co_return asio::error::invalid_argument;
  co_return co_await stream.connect_handshake();
}

}  // namespace

awaitable<Result<HttpAnswer>> http_get(HttpTarget target, HttpClientLimits limits) {
  const auto deadline = Clock::now() + limits.deadline;
  HttpStream stream(co_await asio::this_coro::executor);
  error_code error = co_await connect(stream.tcp(), target, deadline);
  if (error) co_return fault_of(target, error, limits);
  stream.tcp().expires_at(deadline);
  error = co_await begin_tls(stream, target);
  if (!error) error = co_await ask(stream, target);
  if (error) co_return stream_fault(stream, target, error, limits);

  beast::flat_buffer buffer(limits.header_bytes + limits.body_bytes);
  ResponseParser parser;
  parser.header_limit(limits.header_bytes);
  parser.body_limit(limits.body_bytes);
  co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return stream_fault(stream, target, error, limits);
  auto& message = parser.get();
  co_return HttpAnswer{message.result_int(), std::string(message[http::field::content_type]),
                       std::move(message.body())};
}

}  // namespace flopwatt
