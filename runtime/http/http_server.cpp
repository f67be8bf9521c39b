#include "runtime/http/http_server.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/write.hpp>
#include <ctime>
#include <list>
#include <map>
#include <optional>

#include "runtime/async.h"
#include "runtime/http/http_stream.h"
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
constexpr std::chrono::seconds look_period{1};
constexpr std::chrono::milliseconds drain_look_period{20};
// No request is larger; what a client sends beyond that waits in its own kernel.
constexpr int receive_buffer_bytes = 32 * 1024;
constexpr std::size_t linger_bytes = std::size_t{256} * 1024;
constexpr std::string_view busy_answer =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

constexpr std::string_view plain_answer =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 32\r\n"
    "Connection: close\r\n\r\nThis port is for https:// only.\n";
constexpr std::string_view end_of_head = "\r\n\r\n";

// Whom connections are counted for: an IPv4 address, or the network of an IPv6 address, whose host can take any
// other of it.
using Peer = std::array<unsigned char, 8>;

Peer peer_of(const tcp::socket& socket) {
  error_code error;
  const asio::ip::address address = socket.remote_endpoint(error).address();
  Peer peer{};
  if (address.is_v4() || (address.is_v6() && address.to_v6().is_v4_mapped())) {
    const auto v4 = address.is_v4() ? address.to_v4() : make_address_v4(asio::ip::v4_mapped, address.to_v6());
    std::ranges::copy(v4.to_bytes(), peer.begin());
  } else if (address.is_v6()) {
    const auto bytes = address.to_v6().to_bytes();
    std::copy_n(bytes.begin(), peer.size(), peer.begin());
    if (address.to_v6().is_loopback()) peer = {0, 0, 0, 0, 0, 0, 0, 1};
  }
  return peer;
}

struct Session {
  Session(tcp::socket socket, Peer from, std::size_t buffer_limit)
      : stream(std::move(socket)), peer(from), buffer(buffer_limit) {}

  HttpStream stream;
  Peer peer;
  beast::flat_buffer buffer;
  asio::cancellation_signal cancel;
  bool waiting = true;  // for its client's bytes
  bool ending = false;
  bool owing = false;  // an answer, which its client may not have taken yet
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
          .accept_encoding = joined(parser, http::field::accept_encoding),
          .authorization = joined(parser, http::field::authorization)};
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

// Whether a line of the head goes on in the next one, which RFC 9112 (section 5.2) lets a server refuse. Beast would
// join the lines, a proxy before us perhaps not.
bool is_folded(std::string_view head) {
  head = head.substr(0, head.find(end_of_head));
  return head.find("\r\n ") != std::string_view::npos || head.find("\r\n\t") != std::string_view::npos;
}

bool begins_like_http(std::string_view head) { return head.front() > ' ' && head.front() < '\x7f'; }

// While an answer is on its way, whatever closes the connection throws that away. A client that does not read, loses its
// place and comes again would else leave an answer in the kernel each time.
void set_owing(Session& session, bool owing) {
  session.stream.reset_when_closed(owing);
  session.owing = owing;
}

bool has_taken_all(Session& session) { return session.stream.unacknowledged() == 0; }

// Until the client has its answer, or `limit` is over.
awaitable<void> drain(Session& session, std::chrono::milliseconds limit) {
  session.waiting = true;
  const auto end = std::chrono::steady_clock::now() + limit;
  while (session.owing && !has_taken_all(session)) {
    if (std::chrono::steady_clock::now() >= end) co_return;
    co_await sleep_until(std::chrono::steady_clock::now() + drain_look_period);
  }
  if (session.owing) set_owing(session, false);
}

// Ends the connection so that the client still gets what was sent last: to close with bytes of its own unread would
// reset the connection, and that overtakes an answer or an alert.
awaitable<void> linger(Session& session, std::chrono::milliseconds limit) {
  error_code error;
  beast::tcp_stream& plain = session.stream.tcp();
  plain.socket().shutdown(tcp::socket::shutdown_send, error);
  co_await drain(session, limit);
  session.waiting = true;
  plain.expires_after(linger_time);
  std::array<char, 4096> rest{};
  for (std::size_t total = 0; !error && total < linger_bytes;)
    total +=
        co_await plain.async_read_some(asio::buffer(rest), asio::redirect_error(asio::use_awaitable, error));
}

awaitable<void> close_gently(Session& session, std::chrono::milliseconds limit) {
  session.stream.tcp().expires_never();
  if (session.stream.tls() != nullptr) {
    co_await drain(session, limit);
    session.stream.tcp().expires_after(linger_time);
    co_await session.stream.end_tls();
  }
  co_await linger(session, limit);
}

Fault listen_fault(const std::string& host, std::uint16_t port, const std::string& reason) {
  return {FaultClass::connection, "cannot listen on " + (host.empty() ? "all addresses" : host) + ", port " +
                                      std::to_string(port) + ": " + reason +
                                      "; choose another address under exporters.prometheus.listen"};
}

// Accepted sockets inherit it.
void limit_buffers(tcp::acceptor& acceptor, error_code& error) {
  if (!error) acceptor.set_option(tcp::acceptor::send_buffer_size(send_buffer_bytes), error);
  if (!error) acceptor.set_option(tcp::acceptor::receive_buffer_size(receive_buffer_bytes), error);
}

error_code bind_and_listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  // Only "::" takes IPv4 as well.
  if (!error && endpoint.protocol() == tcp::v6())
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), error);
  limit_buffers(acceptor, error);
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
  Impl(asio::any_io_executor executor, HttpHandler handler, HttpLimits limits, ChooseTls choose_tls)
      : executor_(std::move(executor)),
        handler_(std::move(handler)),
        choose_tls_(std::move(choose_tls)),
        limits_(limits),
        all_ended_(executor_) {}

  Result<std::vector<std::uint16_t>> listen(const std::string& host, std::uint16_t port);
  Result<std::uint16_t> adopt(int descriptor);
  void limit_connections(std::size_t most) { limits_.connections = most; }
  awaitable<void> run();

 private:
  error_code listen_on(const tcp::endpoint& endpoint);
  awaitable<void> accept_on(tcp::acceptor& acceptor);
  awaitable<void> look_who_has_taken_all();
  void admit(tcp::socket socket);
  [[nodiscard]] bool make_room(const Peer& newcomer);
  [[nodiscard]] SessionPtr choose_evicted(const Peer& newcomer) const;
  void start(tcp::socket socket, const Peer& peer);
  void finish(const SessionPtr& session, const std::exception_ptr& failure);

  awaitable<void> serve(Session& session);
  awaitable<bool> begin_tls(Session& session);
  awaitable<bool> serve_one(Session& session, bool first);
  awaitable<error_code> read_head(Session& session, RequestParser& parser, bool first);
  awaitable<HttpResponse> answer(HttpRequest request);
  awaitable<bool> send(Session& session, const HttpResponse& response, const RequestParser& parser,
                       bool keep_alive);

  asio::any_io_executor executor_;
  HttpHandler handler_;
  ChooseTls choose_tls_;
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

Result<std::uint16_t> HttpServer::Impl::adopt(int descriptor) {
  tcp::acceptor acceptor(executor_);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  error_code error;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    error = {errno, boost::system::system_category()};
  if (!error) acceptor.assign(address.ss_family == AF_INET ? tcp::v4() : tcp::v6(), descriptor, error);
  limit_buffers(acceptor, error);
  if (error)
    return Fault{FaultClass::connection, "cannot use the socket of the service manager: " + error.message(),
                 0};
  acceptors_.push_back(std::move(acceptor));
  return acceptors_.back().local_endpoint().port();
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
    tasks.push_back(look_who_has_taken_all());
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

// So that an idle connection ends without a reset.
awaitable<void> HttpServer::Impl::look_who_has_taken_all() {
  for (;;) {
    co_await sleep_until(std::chrono::steady_clock::now() + look_period);
    for (const SessionPtr& session : sessions_)
      if (session->owing && session->waiting && has_taken_all(*session)) set_owing(*session, false);
  }
}

void HttpServer::Impl::admit(tcp::socket socket) {
  const Peer peer = peer_of(socket);
  if (make_room(peer)) return start(std::move(socket), peer);
  error_code ignored;
  socket.non_blocking(true, ignored);
  if (!choose_tls_ || !choose_tls_()) socket.write_some(asio::buffer(busy_answer), ignored);
}

// False: there is none for `newcomer`.
bool HttpServer::Impl::make_room(const Peer& newcomer) {
  const auto of_newcomer = [&](const SessionPtr& one) { return !one->ending && one->peer == newcomer; };
  const auto live = std::ranges::count(sessions_, false, &Session::ending);
  if (static_cast<std::size_t>(live) < limits_.connections &&
      static_cast<std::size_t>(std::ranges::count_if(sessions_, of_newcomer)) < limits_.per_address)
    return true;
  const SessionPtr evicted = choose_evicted(newcomer);
  if (!evicted) return false;
  evicted->ending = true;
  evicted->cancel.emit(asio::cancellation_type::terminal);
  return true;
}

SessionPtr HttpServer::Impl::choose_evicted(const Peer& newcomer) const {
  std::map<Peer, std::size_t> counts;
  for (const SessionPtr& one : sessions_)
    if (!one->ending) ++counts[one->peer];
  const std::size_t own = counts[newcomer];
  const bool beyond_own = own >= limits_.per_address;
  const auto most = std::ranges::max_element(counts, {}, &std::pair<const Peer, std::size_t>::second);
  const Peer loser = beyond_own ? newcomer : most->first;
  const auto find = [&](auto is_wanted) {
    const auto found = std::ranges::find_if(
        sessions_, [&](const SessionPtr& one) { return !one->ending && is_wanted(*one); });
    return found == sessions_.end() ? nullptr : *found;
  };
  if (auto one = find([&](const Session& each) { return each.waiting && each.peer == loser; })) return one;
  if (beyond_own) return nullptr;
  // An address never loses one to an address that has as many: a scrape is a single connection among strangers' many.
  const auto waits_where_more = [&](std::size_t than) {
    return find([&](const Session& each) { return each.waiting && counts[each.peer] > than; });
  };
  if (auto one = waits_where_more(own + 1)) return one;
  if (most->second > own + 1) return find([&](const Session& each) { return each.peer == loser; });
  return waits_where_more(own);
}

void HttpServer::Impl::start(tcp::socket socket, const Peer& peer) {
  const auto session =
      std::make_shared<Session>(std::move(socket), peer, 2 * std::size_t{limits_.header_bytes});
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
  session.stream.tcp().socket().set_option(tcp::no_delay(true));
  if (!co_await begin_tls(session)) co_return;
  bool again = co_await serve_one(session, true);
  while (again) again = co_await serve_one(session, false);
  co_await drain(session, limits_.write);  // of a client that sends no more
}

// False: the connection is at its end. A client that fails gets the alert and nothing else, but for one that speaks
// plain HTTP.
awaitable<bool> HttpServer::Impl::begin_tls(Session& session) {
  auto context = choose_tls_ ? choose_tls_() : nullptr;
  if (!context) co_return true;
  session.stream.use_tls(std::move(context));
  session.stream.tcp().expires_after(limits_.header);
  error_code error = co_await session.stream.accept_handshake();
  if (!error) co_return true;
  const bool is_plain = error.category() == asio::error::get_ssl_category() &&
                        ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_HTTP_REQUEST;
  if (is_plain)
    co_await asio::async_write(session.stream.tcp(), asio::buffer(plain_answer),
                               asio::redirect_error(asio::use_awaitable, error));
  co_await linger(session, limits_.write);
  co_return false;
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
  if (sent && !keep_alive) co_await close_gently(session, limits_.write);
  co_return sent&& keep_alive;
}

awaitable<error_code> HttpServer::Impl::read_head(Session& session, RequestParser& parser, bool first) {
  session.waiting = true;
  const auto place = std::ranges::find(sessions_, &session, &SessionPtr::get);
  sessions_.splice(sessions_.end(), sessions_, place);
  HttpStream& stream = session.stream;
  beast::flat_buffer& buffer = session.buffer;
  stream.tcp().expires_after(first ? limits_.header : limits_.idle);
  const auto text = [&buffer]() -> std::string_view {
    return {static_cast<const char*>(buffer.cdata().data()), buffer.size()};
  };
  bool begun = first;
  while (text().find(end_of_head) == std::string_view::npos) {
    if (buffer.size() == buffer.max_size()) co_return http::error::header_limit;
    if (!begun && buffer.size() > 0) {
      stream.tcp().expires_after(limits_.header);
      begun = true;
    }
    error_code error;
    const std::size_t room = std::min<std::size_t>(buffer.max_size() - buffer.size(), 1024);
    buffer.commit(co_await stream.async_read_some(buffer.prepare(room),
                                                  asio::redirect_error(asio::use_awaitable, error)));
    if (error == asio::error::eof && buffer.size() > 0) error = http::error::partial_message;
    if (error) co_return error;
    if (!begins_like_http(text())) break;  // for a TLS hello no end of a head would come
  }
  session.waiting = false;
  if (!begins_like_http(text())) co_return http::error::bad_method;
  if (is_folded(text())) co_return http::error::bad_value;
  error_code error;
  buffer.consume(parser.put(buffer.cdata(), error));
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
  session.stream.tcp().expires_after(limits_.write);
  if (!session.owing) set_owing(session, true);
  error_code error;
  if (parser.get().method() == http::verb::head)
    co_await http::async_write_header(session.stream, serializer,
                                      asio::redirect_error(asio::use_awaitable, error));
  else
    co_await http::async_write(session.stream, serializer, asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

HttpServer::HttpServer(asio::any_io_executor executor, HttpHandler handler, HttpLimits limits,
                       ChooseTls choose_tls)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(handler), limits, std::move(choose_tls))) {}

HttpServer::~HttpServer() = default;

Result<std::vector<std::uint16_t>> HttpServer::listen(const std::string& host, std::uint16_t port) {
  return impl_->listen(host, port);
}

Result<std::uint16_t> HttpServer::adopt(int descriptor) { return impl_->adopt(descriptor); }

void HttpServer::limit_connections(std::size_t most) { impl_->limit_connections(most); }

awaitable<void> HttpServer::run() { return impl_->run(); }

}  // namespace flopwatt
