#include "runtime/http_server.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/write.hpp>
#include <ctime>
#include <list>
#include <optional>

#include "runtime/async.h"
#include "runtime/log.h"

namespace flopwatt {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using RequestParser = http::request_parser<http::empty_body>;
using Message = http::response<http::span_body<const char>>;

constexpr std::chrono::milliseconds accept_back_off{100};
// After a refusal the rest of the request is read away, so that the client sees the answer and not a reset.
constexpr std::chrono::milliseconds linger_time{1'000};
// Linux would grow it to several MiB for each client that does not read, and counts it as the agent's memory. The
// kernel takes twice as much, for its own book-keeping.
constexpr int send_buffer_bytes = 128 * 1024;
constexpr std::size_t linger_bytes = std::size_t{256} * 1024;
constexpr std::string_view busy_answer =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

struct Session {
  Session(tcp::socket socket, std::size_t buffer_limit) : stream(std::move(socket)), buffer(buffer_limit) {}

  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  asio::cancellation_signal cancel;
  bool waiting = true;  // for its client's bytes
  bool ending = false;
};
using SessionPtr = std::shared_ptr<Session>;

HttpResponse plain_response(unsigned status, const std::string& text) {
  return {.status = status, .body = std::make_shared<const std::string>(text + "\n"), .headers = {}};
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), length};
}

// Lines of one name are one list (RFC 9110, section 5.3).
std::string joined(const RequestParser& parser, http::field name) {
  std::string list;
  const auto lines = parser.get().equal_range(name);
  for (auto line = lines.first; line != lines.second; ++line) {
    if (!list.empty()) list += ',';
    list += line->value();
  }
  return list;
}

// "host" or "host:port", in a Host line or a URI. Not the whole grammar: nothing here goes by it.
bool is_host(std::string_view text) { return text.find_first_of(" \t\"#,/<>?@\\") == std::string_view::npos; }

// The path with its query, of "/path?query" or of "http://host/path?query" (RFC 9112, section 3.2: a server
// accepts both). nullopt: neither.
std::optional<std::string> find_path(std::string_view target) {
  if (target.starts_with('/')) return std::string(target);
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!beast::iequals(target.substr(0, scheme.size()), scheme)) continue;
    const std::string_view rest = target.substr(scheme.size());
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    if (end == 0 || !is_host(rest.substr(0, end))) return std::nullopt;
    const bool has_path = end < rest.size() && rest[end] == '/';
    return (has_path ? "" : "/") + std::string(rest.substr(end));
  }
  return std::nullopt;
}

// What is wrong with the lines that say where a request goes and where it ends; nullopt: nothing. Behind a proxy
// that takes them another way one client could speak for the next.
std::optional<HttpResponse> framing_refusal(const RequestParser& parser) {
  const auto& message = parser.get();
  const bool is_http_1_1 = message.version() >= 11;
  const std::size_t hosts = message.count(http::field::host);
  if (hosts > 1 || (is_http_1_1 && hosts == 0) || !is_host(message[http::field::host]))
    return plain_response(400, "A request has one Host line, with a host.");
  if (message.count(http::field::transfer_encoding) > 0) {
    if (!is_http_1_1) return plain_response(400, "HTTP/1.0 has no Transfer-Encoding.");
    if (!beast::iequals(joined(parser, http::field::transfer_encoding), "chunked"))
      return plain_response(501, "No Transfer-Encoding but chunked is known.");
  }
  return std::nullopt;
}

// What is wrong with a request whose head was read with `error`; nullopt: nothing.
std::optional<HttpResponse> refusal(const RequestParser& parser, const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return plain_response(431, "The request's head is too large.");
  if (error && error != http::error::body_limit)
    return plain_response(400, "This is not an HTTP/1.1 request: " + error.message() + ".");
  if (auto wrong = framing_refusal(parser)) return wrong;
  const bool has_body = error || parser.chunked() || parser.content_length().value_or(0) > 0;
  const http::verb method = parser.get().method();
  if (method != http::verb::get && method != http::verb::head) {
    HttpResponse response = plain_response(405, "Only GET and HEAD are served.");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (has_body) return plain_response(413, "A request with a body is not served.");
  if (!find_path(parser.get().target()))
    return plain_response(400, "The target is neither a path nor an http:// address.");
  return std::nullopt;
}

HttpRequest to_request(const RequestParser& parser) {
  const auto& message = parser.get();
  const std::string target = find_path(message.target()).value_or("/");
  const std::size_t question = std::min(target.find('?'), target.size());
  return {.path = target.substr(0, question),
          .query = question < target.size() ? target.substr(question + 1) : "",
          .accept = joined(parser, http::field::accept),
          .accept_encoding = joined(parser, http::field::accept_encoding)};
}

Message to_message(const HttpResponse& response, const RequestParser& parser, bool keep_alive) {
  Message message;
  message.version(parser.get().version());
  message.result(response.status);
  message.set(http::field::server, "flopwatt");
  message.set(http::field::date, http_date());
  message.set(http::field::content_type, response.content_type);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  if (response.body) message.body() = {response.body->data(), response.body->size()};
  message.content_length(message.body().size());
  message.keep_alive(keep_alive);
  return message;
}

// Closes so that the client still gets what was sent last.
awaitable<void> close_gently(Session& session) {
  error_code error;
  session.waiting = true;
  session.stream.socket().shutdown(tcp::socket::shutdown_send, error);
  session.stream.expires_after(linger_time);
  std::array<char, 4096> rest{};
  for (std::size_t total = 0; !error && total < linger_bytes;)
    total += co_await session.stream.async_read_some(asio::buffer(rest),
                                                     asio::redirect_error(asio::use_awaitable, error));
}

Fault listen_fault(const std::string& host, std::uint16_t port, const std::string& reason) {
  return {FaultClass::connection, "cannot listen on " + (host.empty() ? "all addresses" : host) + ", port " +
                                      std::to_string(port) + ": " + reason +
                                      "; choose another address under exporters.prometheus.listen"};
}

error_code bind_and_listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  // Only "::" takes IPv4 as well.
  if (!error && endpoint.protocol() == tcp::v6())
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  // Accepted sockets inherit it.
  if (!error) acceptor.set_option(tcp::acceptor::send_buffer_size(send_buffer_bytes), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  return error;
}

// IPv6 is switched off, or it is an address of another machine.
bool is_not_of_this_machine(const error_code& error) {
  return error == boost::system::errc::address_not_available ||
         error == boost::system::errc::address_family_not_supported;
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(asio::any_io_executor executor, HttpHandler handler, HttpLimits limits)
      : executor_(std::move(executor)),
        handler_(std::move(handler)),
        limits_(limits),
        all_ended_(executor_) {}

  Result<std::vector<std::uint16_t>> listen(const std::string& host, std::uint16_t port);
  awaitable<void> run();

 private:
  error_code listen_on(const tcp::endpoint& endpoint);
  awaitable<void> accept_on(tcp::acceptor& acceptor);
  void admit(tcp::socket socket);
  [[nodiscard]] bool make_room();
  void start(tcp::socket socket);
  void finish(const SessionPtr& session, const std::exception_ptr& failure);

  awaitable<void> serve(Session& session);
  awaitable<bool> serve_one(Session& session, bool first);
  awaitable<error_code> read_head(Session& session, RequestParser& parser, bool first);
  awaitable<HttpResponse> answer(HttpRequest request);
  awaitable<bool> send(Session& session, const HttpResponse& response, const RequestParser& parser,
                       bool keep_alive);

  asio::any_io_executor executor_;
  HttpHandler handler_;
  HttpLimits limits_;
  std::vector<tcp::acceptor> acceptors_;
  std::list<SessionPtr> sessions_;  // those that wait: the longest waiting first
  asio::steady_timer all_ended_;
};

Result<std::vector<std::uint16_t>> HttpServer::Impl::listen(const std::string& host, std::uint16_t port) {
  const std::size_t before = acceptors_.size();
  error_code error;
  if (host.empty()) {
    error = listen_on({tcp::v6(), port});
    if (is_not_of_this_machine(error)) error = listen_on({tcp::v4(), port});
  } else {
    tcp::resolver resolver(executor_);
    const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
    for (auto entry = found.begin(); entry != found.end() && (!error || is_not_of_this_machine(error));
         ++entry)
      error = listen_on(entry->endpoint());
  }
  std::vector<std::uint16_t> ports;
  for (std::size_t i = before; i < acceptors_.size(); ++i)
    ports.push_back(acceptors_[i].local_endpoint().port());
  // A name may stand for an address that this machine lacks ("localhost" without IPv6), if it has another.
  if (error && (ports.empty() || !is_not_of_this_machine(error)))
    return listen_fault(host, port, error.message());
  return ports;
}

error_code HttpServer::Impl::listen_on(const tcp::endpoint& endpoint) {
  tcp::acceptor acceptor(executor_);
  const error_code error = bind_and_listen(acceptor, endpoint);
  if (!error) acceptors_.push_back(std::move(acceptor));
  return error;
}

awaitable<void> HttpServer::Impl::run() {
  std::exception_ptr reason;
  try {
    std::vector<awaitable<void>> tasks;
    for (tcp::acceptor& acceptor : acceptors_) tasks.push_back(accept_on(acceptor));
    co_await run_until_first_ends(std::move(tasks));
  } catch (...) {
    reason = std::current_exception();
  }
  // From here on the end of the sessions is waited for, whatever comes; each ends at once
  // when it is cancelled.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const auto open = sessions_;
  for (const SessionPtr& session : open) session->cancel.emit(asio::cancellation_type::terminal);
  all_ended_.expires_at(asio::steady_timer::time_point::max());
  error_code ignored;
  while (!sessions_.empty())
    co_await all_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (reason) std::rethrow_exception(reason);
}

awaitable<void> HttpServer::Impl::accept_on(tcp::acceptor& acceptor) {
  bool failing = false;
  for (;;) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      failing = false;
      admit(std::move(socket));
    } else if (error == asio::error::operation_aborted) {
      throw boost::system::system_error(error);
    } else if (error != asio::error::connection_aborted) {
      // Out of descriptors or memory: accept would fail again at once, and the loop would spin.
      if (!failing) log::warn("cannot accept HTTP connections, trying again", {{"reason", error.message()}});
      failing = true;
      co_await sleep_until(std::chrono::steady_clock::now() + accept_back_off);
    }
  }
}

void HttpServer::Impl::admit(tcp::socket socket) {
  if (make_room()) return start(std::move(socket));
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(busy_answer), ignored);
}

bool HttpServer::Impl::make_room() {
  const auto live = std::ranges::count(sessions_, false, &Session::ending);
  if (static_cast<std::size_t>(live) < limits_.connections) return true;
  const auto is_evictable = [](const SessionPtr& session) { return session->waiting && !session->ending; };
  const auto longest_waiting = std::ranges::find_if(sessions_, is_evictable);
  if (longest_waiting == sessions_.end()) return false;
  const SessionPtr evicted = *longest_waiting;
  evicted->ending = true;
  evicted->cancel.emit(asio::cancellation_type::terminal);
  return true;
}

void HttpServer::Impl::start(tcp::socket socket) {
  const auto session = std::make_shared<Session>(std::move(socket), 2 * std::size_t{limits_.header_bytes});
  sessions_.push_back(session);
  auto on_end = [this, session](const std::exception_ptr& failure) { finish(session, failure); };
  asio::co_spawn(executor_, serve(*session),
                 asio::bind_cancellation_slot(session->cancel.slot(), std::move(on_end)));
}

void HttpServer::Impl::finish(const SessionPtr& session, const std::exception_ptr& failure) {
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const boost::system::system_error&) {  // cancelled, or its client is gone
  } catch (const std::exception& bug) {
    log::error("an HTTP connection failed", {{"reason", bug.what()}});
  }
  // The coroutine's last frame still refers to the signal: it goes when that frame is gone.
  auto keep = [session] {};
  asio::post(executor_, std::move(keep));
  sessions_.remove(session);
  if (sessions_.empty()) all_ended_.cancel();
}

awaitable<void> HttpServer::Impl::serve(Session& session) {
  session.stream.socket().set_option(tcp::no_delay(true));
  bool again = co_await serve_one(session, true);
  while (again) again = co_await serve_one(session, false);
}

// Reads and answers one request. False: the connection is at its end.
awaitable<bool> HttpServer::Impl::serve_one(Session& session, bool first) {
  RequestParser parser;
  parser.header_limit(limits_.header_bytes);
  parser.body_limit(0);
  const error_code error = co_await read_head(session, parser, first);
  // A client that went away or was too slow is not answered; only a wrong request is.
  const bool is_syntax = error && error.category() == make_error_code(http::error::bad_method).category();
  if ((error && !is_syntax) || error == http::error::end_of_stream) co_return false;

  std::optional<HttpResponse> response = refusal(parser, error);
  const bool keep_alive = !response && parser.get().keep_alive();
  if (!response) response = co_await answer(to_request(parser));
  const bool sent = co_await send(session, *response, parser, keep_alive);
  if (sent && !keep_alive) co_await close_gently(session);
  co_return sent&& keep_alive;
}

awaitable<error_code> HttpServer::Impl::read_head(Session& session, RequestParser& parser, bool first) {
  session.waiting = true;
  const auto place = std::ranges::find(sessions_, &session, &SessionPtr::get);
  sessions_.splice(sessions_.end(), sessions_, place);
  error_code error;
  session.stream.expires_after(first ? limits_.header : limits_.idle);
  if (session.buffer.size() == 0) {
    const std::size_t count = co_await session.stream.async_read_some(
        session.buffer.prepare(512), asio::redirect_error(asio::use_awaitable, error));
    session.buffer.commit(count);
    if (error) co_return error;
  }
  if (!first) session.stream.expires_after(limits_.header);
  co_await http::async_read_header(session.stream, session.buffer, parser,
                                   asio::redirect_error(asio::use_awaitable, error));
  session.waiting = false;
  co_return error;
}

awaitable<HttpResponse> HttpServer::Impl::answer(HttpRequest request) {
  const std::string path = request.path;
  try {
    auto answering = handler_(std::move(request));
    co_return co_await std::move(answering);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    log::error("an HTTP request failed", {{"path", path}, {"reason", error.what()}});
  } catch (const std::exception& bug) {
    log::error("an HTTP request failed", {{"path", path}, {"reason", bug.what()}});
  }
  co_return plain_response(500, "flopwatt has a fault here; its log says which.");
}

awaitable<bool> HttpServer::Impl::send(Session& session, const HttpResponse& response,
                                       const RequestParser& parser, bool keep_alive) {
  Message message = to_message(response, parser, keep_alive);
  http::response_serializer<http::span_body<const char>> serializer(message);
  session.stream.expires_after(limits_.write);
  error_code error;
  if (parser.get().method() == http::verb::head)
    co_await http::async_write_header(session.stream, serializer,
                                      asio::redirect_error(asio::use_awaitable, error));
  else
    co_await http::async_write(session.stream, serializer, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

HttpServer::HttpServer(asio::any_io_executor executor, HttpHandler handler, HttpLimits limits)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(handler), limits)) {}

HttpServer::~HttpServer() = default;

Result<std::vector<std::uint16_t>> HttpServer::listen(const std::string& host, std::uint16_t port) {
  return impl_->listen(host, port);
}

awaitable<void> HttpServer::run() { return impl_->run(); }

}  // namespace flopwatt
