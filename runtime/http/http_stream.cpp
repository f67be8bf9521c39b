#include "runtime/http/http_stream.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <span>
#include <string>
#include <utility>

namespace flopwatt {

namespace ssl = boost::asio::ssl;

struct HttpStream::Tls {
  Tls(boost::beast::tcp_stream& tcp, TlsContext chosen) : context(std::move(chosen)), stream(tcp, *context) {}

  TlsContext context;
  ssl::stream<boost::beast::tcp_stream&> stream;
  std::string record;  // what is being written, where it is made of several buffers
};

namespace {

constexpr std::size_t longest_record = std::size_t{16} << 10;

// TLS makes a record of the first buffer alone; the lines of a head go together.
asio::const_buffer gather(std::span<const asio::const_buffer> buffers, std::string& record) {
  if (buffers.front().size() >= longest_record) return buffers.front();
  record.clear();
  for (const asio::const_buffer& each : buffers) {
    const std::size_t count = std::min(each.size(), longest_record - record.size());
    record.append(static_cast<const char*>(each.data()), count);
  }
  return asio::buffer(record);
}

}  // namespace

HttpStream::HttpStream(boost::asio::ip::tcp::socket socket) : tcp_(std::move(socket)) {}
HttpStream::HttpStream(const executor_type& executor) : tcp_(executor) {}
HttpStream::~HttpStream() = default;

int HttpStream::unacknowledged() {
  int bytes = 0;
  return ::ioctl(tcp_.socket().native_handle(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

void HttpStream::reset_when_closed(bool on) {
  error_code ignored;
  tcp_.socket().set_option(boost::asio::socket_base::linger(on, 0), ignored);
}

void HttpStream::use_tls(TlsContext context) { tls_ = std::make_unique<Tls>(tcp_, std::move(context)); }

SSL* HttpStream::tls() { return tls_ ? tls_->stream.native_handle() : nullptr; }

awaitable<boost::system::error_code> HttpStream::accept_handshake() {
  error_code error;
  co_await tls_->stream.async_handshake(ssl::stream_base::server,
                                        asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

awaitable<boost::system::error_code> HttpStream::connect_handshake() {
  error_code error;
  co_await tls_->stream.async_handshake(ssl::stream_base::client,
                                        asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

awaitable<void> HttpStream::end_tls() {
  error_code ignored;
  if (tls_) co_await tls_->stream.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
}

// The type-erased handler's own executor cannot do what Beast and Asio's TLS ask of one; the stream's can, and both are
// of the same loop.
void HttpStream::read(asio::mutable_buffer buffer, Handler handler) {
  auto bound = asio::bind_executor(get_executor(), std::move(handler));
  if (tls_)
    tls_->stream.async_read_some(buffer, std::move(bound));
  else
    tcp_.async_read_some(buffer, std::move(bound));
}

void HttpStream::write(const WriteBuffers& buffers, Handler handler) {
  auto bound = asio::bind_executor(get_executor(), std::move(handler));
  if (tls_)
    tls_->stream.async_write_some(gather(buffers, tls_->record), std::move(bound));
  else
    tcp_.async_write_some(buffers, std::move(bound));
}

}  // namespace flopwatt
