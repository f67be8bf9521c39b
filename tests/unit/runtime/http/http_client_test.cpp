#include "runtime/http/http_client.h"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <optional>

#include "runtime/async.h"

using namespace flopwatt;
using namespace std::chrono_literals;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

namespace {

/// A server that sends `answer` to whoever connects, whatever they ask, and then closes or stays silent.
struct Server {
  asio::io_context loop{1};
  tcp::acceptor acceptor;
  std::string answer;
  bool stays = false;
  std::string asked;  ///< the request's first bytes

  explicit Server(std::string text, const asio::ip::address& address = asio::ip::address_v4::loopback())
      : acceptor(loop, tcp::endpoint(address, 0)), answer(std::move(text)) {}

  awaitable<void> serve() {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    std::array<char, 1024> request{};
    const std::size_t count = co_await socket.async_read_some(asio::buffer(request), asio::use_awaitable);
    asked.assign(request.data(), count);
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
    if (stays) co_await sleep_until(Clock::now() + 1h);
  }

  awaitable<void> ask(HttpTarget target, HttpClientLimits limits, std::optional<Result<HttpAnswer>>& result) {
    result = co_await http_get(std::move(target), limits);
    loop.stop();
  }

  Result<HttpAnswer> get(HttpTarget target, HttpClientLimits limits = {}) {
    std::optional<Result<HttpAnswer>> result;
    const auto ignore = [](const std::exception_ptr&) {};  // the client may be gone before the server
    asio::co_spawn(loop, serve(), ignore);
    asio::co_spawn(loop, ask(std::move(target), limits, result), ignore);
    loop.run();
    REQUIRE(result);
    return *result;
  }

  [[nodiscard]] HttpTarget target(std::string path = "/") const {
    return {{acceptor.local_endpoint()}, "test:1", std::move(path)};
  }
};

std::string good(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("a GET asks for its path at its host and brings the answer") {
  Server server(good("hello"));
  const auto answer = server.get(server.target("/api?x=1"));
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->content_type == "text/x");
  CHECK(answer->body == "hello");
  CHECK(server.asked.starts_with("GET /api?x=1 HTTP/1.1\r\nHost: test:1\r\n"));
}

TEST_CASE("an answer that is no 200 is an answer, and one without a length ends with its connection") {
  Server server("HTTP/1.1 503 Busy\r\n\r\nlater");
  const auto answer = server.get(server.target());
  INFO((answer ? "" : answer.error().message));
  REQUIRE(answer);
  CHECK(answer->status == 503);
  CHECK(answer->body == "later");
}

TEST_CASE("IPv6, and an endpoint where nobody listens before one where somebody does") {
  tcp::endpoint nobody;
  {
    asio::io_context loop;
    nobody = tcp::acceptor(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)).local_endpoint();
  }
  Server server(good("six"), asio::ip::address_v6::loopback());
  HttpTarget target = server.target();
  target.endpoints.insert(target.endpoints.begin(), nobody);
  const auto answer = server.get(target);
  REQUIRE(answer);
  CHECK(answer->body == "six");

  Server unasked("");
  const auto refused = unasked.get({{nobody}, "test:1", "/"});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault_class == FaultClass::connection);
  CHECK(refused.error().message.find("http://test:1/") != std::string::npos);
  CHECK_FALSE(Server("").get({{}, "nowhere", "/"}).has_value());
}

TEST_CASE("whoever answers too little within the deadline is a timeout") {
  for (const char* part : {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"}) {
    Server server(part);
    server.stays = true;
    const auto begin = Clock::now();
    const auto answer = server.get(server.target(), {.deadline = 200ms});
    REQUIRE_FALSE(answer);
    CHECK(answer.error().fault_class == FaultClass::timeout);
    CHECK(Clock::now() - begin < 5s);
  }
}

TEST_CASE("what is too large, cut off or no HTTP is distinguished") {
  const auto fault_of = [](const std::string& answer, HttpClientLimits limits) {
    Server server(answer);
    const auto result = server.get(server.target(), limits);
    REQUIRE_FALSE(result);
    return result.error().fault_class;
  };
  CHECK(fault_of(good(std::string(2000, 'x')), {.body_bytes = 1000}) == FaultClass::protocol);
  CHECK(fault_of("HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x') + "\r\n\r\n", {}) == FaultClass::protocol);
  CHECK(fault_of("220 mail.example ESMTP\r\n", {}) == FaultClass::protocol);
  CHECK(fault_of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", {}) == FaultClass::connection);
  CHECK(fault_of("", {}) == FaultClass::connection);
}

TEST_CASE("a GET ends at once when it is cancelled, by throwing") {
  Server server("");
  server.stays = true;
  asio::cancellation_signal cancel;
  std::exception_ptr thrown;
  std::optional<Result<HttpAnswer>> result;
  auto on_end = [&](const std::exception_ptr& failure) {
    thrown = failure;
    server.loop.stop();
  };
  asio::co_spawn(server.loop, server.serve(), [](const std::exception_ptr&) {});
  asio::co_spawn(server.loop, server.ask(server.target(), {}, result),
                 asio::bind_cancellation_slot(cancel.slot(), on_end));
  asio::steady_timer timer(server.loop, 100ms);
  timer.async_wait([&](const boost::system::error_code&) { cancel.emit(asio::cancellation_type::terminal); });
  server.loop.run();
  CHECK_FALSE(result);
  CHECK_THROWS_AS(std::rethrow_exception(thrown), boost::system::system_error);
}
