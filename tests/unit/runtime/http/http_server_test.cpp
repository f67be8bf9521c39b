#include "runtime/http/http_server.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <atomic>
#include <bit>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <ctime>
#include <deque>
#include <future>
#include <stdexcept>
#include <thread>

#include "runtime/async.h"
#include "tests/unit/runtime/http/http_client.h"

using namespace flopwatt;
using namespace std::chrono_literals;
using test::Answer;
using test::HttpClient;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t fair_page =
    250'000;  // more than a client takes that does not read; a server's buffer has room
constexpr std::size_t large_page = 64'000'000;  // more than the sockets of both sides hold

HttpResponse respond(std::string body) {
  HttpResponse response;
  response.body = std::make_shared<const std::string>(std::move(body));
  return response;
}

std::atomic<int> never_answered{0};

awaitable<HttpResponse> handle(HttpRequest request) {
  if (request.path == "/never") {
    ++never_answered;
    co_await sleep_until(Clock::now() + 1h);
  }
  if (request.path == "/bug") throw std::logic_error("a bug");
  if (request.path == "/fair") co_return respond(std::string(fair_page, 'x'));
  if (request.path == "/large") co_return respond(std::string(large_page, 'x'));
  co_return respond(request.path + "|" + request.query + "|" + request.accept + "|" +
                    request.accept_encoding);
}

// A server on a thread and a loop of its own, on a free port of all addresses.
class Running {
 public:
  explicit Running(HttpLimits limits = {}) : server_(io_.get_executor(), handle, limits) {
    const auto ports = server_.listen("", 0);
    REQUIRE(ports.has_value());
    REQUIRE(ports->size() == 1);
    port = ports->front();
    auto on_end = [this](const std::exception_ptr& failure) { ended_.set_value(failure); };
    asio::co_spawn(io_, server_.run(), asio::bind_cancellation_slot(cancel_.slot(), std::move(on_end)));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Running() {
    if (thread_.joinable()) stop();
  }

  // Cancels; how long it took to end, and whether it ended as it should.
  std::chrono::milliseconds stop() {
    const auto begin = Clock::now();
    asio::post(io_, [this] { cancel_.emit(asio::cancellation_type::terminal); });
    auto ended = ended_.get_future();
    REQUIRE(ended.wait_for(10s) == std::future_status::ready);
    CHECK_THROWS_AS(std::rethrow_exception(ended.get()), boost::system::system_error);
    thread_.join();
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  }

  [[nodiscard]] double cpu_seconds() {
    clockid_t clock{};
    pthread_getcpuclockid(thread_.native_handle(), &clock);
    timespec used{};
    clock_gettime(clock, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
  }

  std::uint16_t port = 0;

 private:
  asio::io_context io_{1};
  HttpServer server_;
  asio::cancellation_signal cancel_;
  std::promise<std::exception_ptr> ended_;
  std::thread thread_;
};

template <class Condition>
void wait_until(Condition holds) {
  const auto begin = Clock::now();
  while (!holds() && Clock::now() - begin < 10s) std::this_thread::yield();
  REQUIRE(holds());
}

Answer ask_server(std::uint16_t port, std::string_view request) {
  HttpClient client(port);
  client.send(request);
  return client.read();
}

// The server's end of a connection: it lies in this process, too.
int server_end_of(const HttpClient& client) {
  for (int descriptor = 3; descriptor < 1024; ++descriptor) {
    sockaddr_in6 peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(descriptor, std::bit_cast<sockaddr*>(&peer), &size) == 0 &&
        peer.sin6_family == AF_INET6 && ntohs(peer.sin6_port) == client.local_port())
      return descriptor;
  }
  return -1;
}

}  // namespace

TEST_CASE("a request is handed on in its parts and answered") {
  Running server;
  const Answer answer = ask_server(server.port,
                                   "GET /a/b?x=1&y=2 HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\n"
                                   "Accept-Encoding: gzip\r\n\r\n");
  CHECK(answer.status() == 200);
  CHECK(answer.has("Content-Type: text/plain; charset=utf-8\r\n"));
  CHECK(answer.has("Date: "));
  CHECK(answer.body == "/a/b|x=1&y=2|text/plain|gzip");
}

TEST_CASE("a connection serves request after request, also several sent at once") {
  Running server;
  HttpClient client(server.port);
  client.get("/1");
  CHECK(client.read().body == "/1|||");
  client.get("/2");
  client.get("/3");
  client.get("/4");
  CHECK(client.read().body == "/2|||");
  CHECK(client.read().body == "/3|||");
  CHECK(client.read().body == "/4|||");
}

TEST_CASE("the connection is closed when its client asks for that, and after HTTP/1.0") {
  Running server;
  for (const char* request :
       {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}) {
    HttpClient client(server.port);
    client.send(request);
    CHECK(client.read().status() == 200);
    CHECK(client.is_closed_by_server());
  }
}

TEST_CASE("HEAD is GET without the body") {
  Running server;
  HttpClient client(server.port);
  client.send("HEAD /abc HTTP/1.1\r\nHost: h\r\n\r\n");
  const Answer answer = client.read(false);
  CHECK(answer.status() == 200);
  CHECK(answer.has("Content-Length: 7\r\n"));
  client.get("/next");
  CHECK(client.read().body == "/next|||");
}

TEST_CASE("what is not served is refused, and the client sees why before the connection ends") {
  Running server;
  const std::string large(100'000, 'a');
  const auto refused = [&](const std::string& request) {
    HttpClient client(server.port);
    client.send(request);
    const Answer answer = client.read();
    CHECK(client.is_closed_by_server());
    CHECK_FALSE(client.was_reset());
    return answer;
  };
  CHECK(refused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc").status() == 405);
  CHECK(refused("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n").has("Allow: GET, HEAD\r\n"));
  CHECK(refused("BREW / HTTP/1.1\r\nHost: h\r\n\r\n").status() == 405);
  CHECK(refused("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc").status() == 413);
  CHECK(refused("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            .status() == 413);
  CHECK(refused("GET /" + large + " HTTP/1.1\r\nHost: h\r\n\r\n").status() == 431);
  CHECK(refused("GET / HTTP/1.1\r\nHost: h\r\nX: " + large + "\r\n\r\n").status() == 431);
  CHECK(refused("\x16\x03\x01 this is TLS\r\n\r\n").status() == 400);
  CHECK(refused("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n").status() == 400);
}

TEST_CASE("one Host line, and no Transfer-Encoding but chunked; the connection ends with what is refused") {
  Running server;
  const auto status = [&](const std::string& lines, const char* version = "1.1") {
    HttpClient client(server.port);
    client.send("GET /a HTTP/" + std::string(version) + "\r\n" + lines + "\r\n");
    const int code = client.read().status();
    if (code != 200) CHECK(client.is_closed_by_server());
    return code;
  };
  CHECK(status("Host: h\r\n") == 200);
  CHECK(status("Host: [::1]:9090\r\n") == 200);
  CHECK(status("Host:\r\n") == 200);  // of a client that knows none
  CHECK(status("") == 400);
  CHECK(status("Host: h\r\nHost: h\r\n") == 400);
  CHECK(status("Host: h\r\nhost: other\r\n") == 400);
  CHECK(status("Host: a, b\r\n") == 400);
  CHECK(status("Host: user@h\r\n") == 400);
  CHECK(status("", "1.0") == 200);
  CHECK(status("Host: h\r\nHost: h\r\n", "1.0") == 400);
  CHECK(status("Host: h\r\nTransfer-Encoding: xchunked\r\n") == 501);
  CHECK(status("Host: h\r\nTransfer-Encoding: gzip, chunked\r\n") == 501);
  CHECK(status("Host: h\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n") == 501);
  CHECK(status("Host: h\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n") == 413);
  CHECK(status("Transfer-Encoding: xchunked\r\n", "1.0") == 400);
  CHECK(status("Host: h\r\nX: a\r\n b\r\n") == 400);  // a folded line
  CHECK(status("Host: h\r\nX: a\r\n\tb\r\n") == 400);
  CHECK(status(" Host: h\r\nHost: h\r\n") == 400);
}

TEST_CASE("a target may be a whole address") {
  Running server;
  const auto ask = [&](const std::string& target) {
    return ask_server(server.port, "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
  };
  CHECK(ask("http://h/metrics?a=b").body == "/metrics|a=b||");
  CHECK(ask("HTTP://[::1]:9090/metrics").body == "/metrics|||");
  CHECK(ask("https://h:1/").body == "/|||");
  CHECK(ask("http://h").body == "/|||");
  CHECK(ask("http://h?a=/b").body == "/|a=/b||");
  CHECK(ask("/http://h/x").body == "/http://h/x|||");
  for (const char* wrong : {"http:///metrics", "http://user@h/", "ftp://h/", "http:/h", "metrics", "*"}) {
    CAPTURE(wrong);
    CHECK(ask(wrong).status() == 400);
  }
}

TEST_CASE("the limit of a request's head is the one that was given") {
  HttpLimits limits;
  limits.header_bytes = 512;
  Running server(limits);
  const auto with_line = [](std::size_t bytes) {
    return "GET /" + std::string(bytes - 16, 'a') + " HTTP/1.0\r\n\r\n";
  };
  const auto with_fields = [](std::size_t bytes) {
    return "GET / HTTP/1.0\r\nX: " + std::string(bytes - 7, 'a') + "\r\n\r\n";
  };
  CHECK(ask_server(server.port, with_line(500)).status() == 200);
  CHECK(ask_server(server.port, with_line(520)).status() == 431);
  CHECK(ask_server(server.port, with_fields(500)).status() == 200);
  CHECK(ask_server(server.port, with_fields(520)).status() == 431);
}

TEST_CASE("a handler that throws is answered for, and the server goes on") {
  Running server;
  CHECK(test::get(server.port, "/bug").status() == 500);
  CHECK(test::get(server.port, "/fine").status() == 200);
}

TEST_CASE("a client that does not finish its head is closed at the deadline, however it drips") {
  HttpLimits limits;
  limits.header = 300ms;
  Running server(limits);
  const auto begin = Clock::now();
  HttpClient silent(server.port);
  HttpClient half(server.port);
  half.send("GET / HTTP/1.1\r\nX-Slow: ");
  HttpClient second_request(server.port);
  second_request.get("/");
  CHECK(second_request.read().status() == 200);
  second_request.send("GET");
  CHECK(silent.is_closed_by_server());
  CHECK(half.is_closed_by_server());
  CHECK(half.unread().empty());
  CHECK(second_request.is_closed_by_server());
  CHECK(Clock::now() - begin >= 300ms);
  CHECK(Clock::now() - begin < 5s);
}

TEST_CASE("an idle connection is kept for its own time, longer than a head may take") {
  HttpLimits limits;
  limits.header = 100ms;
  limits.idle = 400ms;
  Running server(limits);
  HttpClient client(server.port);
  client.get("/");
  CHECK(client.read().status() == 200);
  const auto begin = Clock::now();
  CHECK(client.is_closed_by_server());
  CHECK(Clock::now() - begin > 300ms);
}

TEST_CASE("a client that does not read its answer is closed at the write deadline") {
  HttpLimits limits;
  limits.write = 200ms;
  limits.connections = 1;
  Running server(limits);
  HttpClient slow(server.port);
  slow.get("/large");
  // The only place is taken by the slow one until its deadline.
  const auto begin = Clock::now();
  int status = 503;
  while (status == 503 && Clock::now() - begin < 5s) status = test::get(server.port, "/").status();
  CHECK(status == 200);
  CHECK(slow.is_closed_by_server());
  CHECK(slow.unread().size() < large_page);
}

TEST_CASE("what the kernel holds for a client that does not read is bounded") {
  Running server;
  HttpClient slow(server.port);
  slow.get("/large");
  wait_until([&] { return server_end_of(slow) >= 0 && slow.has_answer(); });
  const int end = server_end_of(slow);
  int queued = -1, before = -2;
  while (queued != before) {  // until nothing more goes in
    before = queued;
    std::this_thread::sleep_for(100ms);
    REQUIRE(::ioctl(end, SIOCOUTQ, &queued) == 0);
  }
  CHECK(queued > 0);
  CHECK(queued <= 320 * 1024);  // the last segment may go beyond the buffer
  int buffer = 0;
  socklen_t size = sizeof buffer;
  REQUIRE(::getsockopt(end, SOL_SOCKET, SO_SNDBUF, &buffer, &size) == 0);
  CHECK(buffer <= 256 * 1024);
}

TEST_CASE("an answer that its client does not take goes with the connection: nothing stays in the kernel") {
  HttpLimits limits;
  limits.connections = 1;
  Running server(limits);
  HttpClient slow(server.port, nullptr, 16 * 1024);
  slow.get("/fair");
  wait_until([&] { return slow.has_answer(); });
  CHECK(test::get(server.port, "/").status() == 200);   // in the only place
  wait_until([&] { return server_end_of(slow) < 0; });  // before it is read, so that no more can come
  CHECK(slow.is_closed_by_server());
  CHECK(slow.was_reset());
  CHECK(slow.unread().size() < fair_page);
}

TEST_CASE("a slow client gets all of its answer, though it has asked for the end or sends no more") {
  Running server;
  HttpClient closing(server.port), half_closed(server.port);
  closing.send("GET /fair HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  half_closed.get("/fair");
  half_closed.send_no_more();
  std::this_thread::sleep_for(1500ms);
  for (HttpClient* client : {&closing, &half_closed}) {
    CHECK(client->read().body.size() == fair_page);
    CHECK(client->is_closed_by_server());
    CHECK_FALSE(client->was_reset());
  }
}

TEST_CASE("an idle connection ends without a reset") {
  HttpLimits limits;
  limits.idle = 2'500ms;
  Running server(limits);
  HttpClient client(server.port);
  client.get("/fair");
  CHECK(client.read().body.size() == fair_page);
  CHECK(client.is_closed_by_server());
  CHECK_FALSE(client.was_reset());
}

TEST_CASE("any number of half-open requests keeps nobody out") {
  HttpLimits limits;
  limits.connections = 32;
  Running server(limits);
  std::deque<HttpClient> slow;
  for (int i = 0; i < 200; ++i) {
    slow.emplace_back(server.port);
    slow.back().send("GET / HTTP/1.1\r\nX-");
  }
  const auto begin = Clock::now();
  for (int i = 0; i < 20; ++i) CHECK(test::get(server.port, "/scrape").status() == 200);
  CHECK(Clock::now() - begin < 2s);
  CHECK(slow.front().is_closed_by_server());
}

TEST_CASE(
    "250 readers that hang from one address keep nobody out: others, and many from another address, are "
    "served") {
  HttpLimits limits;
  limits.connections = 64;
  limits.per_address = 32;
  Running server(limits);
  const int before = never_answered;
  std::deque<HttpClient> hanging;
  for (int i = 0; i < 250; ++i) {
    hanging.emplace_back(server.port, "127.0.0.2");
    hanging.back().get("/never");
  }
  wait_until([&] { return never_answered == before + 32; });
  std::deque<HttpClient> ours;  // Prometheus, a browser's six, top
  for (int i = 0; i < 8; ++i) ours.emplace_back(server.port);
  for (HttpClient& client : ours) client.get("/page");
  for (HttpClient& client : ours) CHECK(client.read().status() == 200);
  CHECK(never_answered == before + 32);
  CHECK(hanging.back().read().status() == 503);
}

TEST_CASE("addresses that hang together lose their oldest to one that has none") {
  HttpLimits limits;
  limits.connections = 8;
  limits.per_address = 4;
  Running server(limits);
  const int before = never_answered;
  std::deque<HttpClient> hanging;
  for (const char* from : {"127.0.0.2", "127.0.0.3"})
    for (int i = 0; i < 4; ++i) {
      hanging.emplace_back(server.port, from);
      hanging.back().get("/never");
    }
  wait_until([&] { return never_answered == before + 8; });
  CHECK(test::get(server.port, "/").status() == 200);
  CHECK(hanging.front().is_closed_by_server());
  CHECK_FALSE(hanging.back().has_answer());
}

TEST_CASE("a single connection is not lost to an address that has as many") {
  HttpLimits limits;
  limits.connections = 4;
  limits.per_address = 4;
  Running server(limits);
  const int before = never_answered;
  std::deque<HttpClient> hanging;
  for (const char* from : {"127.0.0.2", "127.0.0.2", "127.0.0.3"}) {
    hanging.emplace_back(server.port, from);
    hanging.back().get("/never");
  }
  wait_until([&] { return never_answered == before + 3; });
  HttpClient scrape(server.port);
  HttpClient one_more(server.port, "127.0.0.3");
  CHECK(one_more.read().status() == 503);
  scrape.get("/page");
  CHECK(scrape.read().status() == 200);
}

TEST_CASE("where all connections are being answered, a new one is asked to come back") {
  HttpLimits limits;
  limits.connections = 2;
  Running server(limits);
  HttpClient first(server.port);
  HttpClient second(server.port);
  const int before = never_answered;
  first.get("/never");
  second.get("/never");
  wait_until([&] { return never_answered == before + 2; });
  HttpClient third(server.port);
  const Answer answer = third.read();
  CHECK(answer.status() == 503);
  CHECK(answer.has("Retry-After: 1\r\n"));
}

TEST_CASE("cancellation ends everything at once: idle, half-open, answering and sending connections") {
  Running server;
  HttpClient idle(server.port);
  idle.get("/");
  CHECK(idle.read().status() == 200);
  HttpClient half(server.port);
  half.send("GET / HT");
  HttpClient answering(server.port);
  const int before = never_answered;
  answering.get("/never");
  wait_until([&] { return never_answered == before + 1; });
  HttpClient sending(server.port);
  sending.get("/large");
  CHECK(test::get(server.port, "/").status() == 200);
  CHECK(server.stop() < 1s);
  CHECK(idle.is_closed_by_server());
  CHECK(half.is_closed_by_server());
  CHECK(answering.is_closed_by_server());
  CHECK(answering.unread().empty());
}

TEST_CASE("without descriptors the server waits instead of spinning, and comes back") {
  Running server;
  HttpClient waiting(server.port);
  waiting.get("/");
  CHECK(waiting.read().status() == 200);  // so the server has its descriptor
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit lower = limit;
  const int probe = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  lower.rlim_cur = static_cast<rlim_t>(probe) + 1;  // one more: the client's own end
  ::close(probe);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &lower) == 0);
  HttpClient starved(server.port);
  const double cpu_before = server.cpu_seconds();
  starved.get("/");
  // The server answers the connection that it has, for as long as the other one cannot be accepted.
  const auto begin = Clock::now();
  while (Clock::now() - begin < 500ms) {
    waiting.get("/");
    CHECK(waiting.read().status() == 200);
    std::this_thread::sleep_for(50ms);
  }
  CHECK(server.cpu_seconds() - cpu_before < 0.25);
  CHECK_FALSE(starved.has_answer());
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(starved.read().status() == 200);
}

TEST_CASE("a name or address is bound as given, on every address that the machine has") {
  asio::io_context io;
  HttpServer server(io.get_executor(), handle);
  CHECK(server.listen("127.0.0.1", 0)->size() == 1);
  CHECK_FALSE(server.listen("localhost", 0)->empty());
  CHECK_FALSE(server.listen("192.0.2.1", 0).has_value());  // RFC 5737: nobody's
}

TEST_CASE("an address that is taken is a fault that says which") {
  asio::io_context io;
  HttpServer first(io.get_executor(), handle);
  const auto ports = first.listen("127.0.0.1", 0);
  REQUIRE(ports.has_value());
  HttpServer second(io.get_executor(), handle);
  const auto refused = second.listen("127.0.0.1", ports->front());
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("cannot listen on 127.0.0.1, port " + std::to_string(ports->front()) +
                                     ": Address already in use") == 0);
  CHECK_FALSE(second.listen("no-such-host.invalid", 0).has_value());
}
