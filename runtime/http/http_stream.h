// One HTTP connection: TCP, and TLS over it where it was given a context. Beast reads and writes it like any other
// stream; both kinds are compiled once, in http_stream.cpp, so that Beast's own parts need not be compiled for each.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <memory>

#include "runtime/async.h"

namespace flopwatt {

/// One loop. Deadlines are those of tcp(), and hold for TLS as well.
class HttpStream {
 public:
  using executor_type = boost::beast::tcp_stream::executor_type;
  using error_code = boost::system::error_code;
  using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

  explicit HttpStream(boost::asio::ip::tcp::socket socket);
  explicit HttpStream(const executor_type& executor);
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;
  ~HttpStream();

  [[nodiscard]] executor_type get_executor() { return tcp_.get_executor(); }
  [[nodiscard]] boost::beast::tcp_stream& tcp() { return tcp_; }

  /// Bytes that were written and that the client's kernel has not acknowledged; 0 where the socket is closed.
  [[nodiscard]] int unacknowledged();
  /// Whether closing the socket throws away what was written and resets the connection. Else the kernel goes on to
  /// offer it, to a client that does not read for minutes and without bound.
  void reset_when_closed(bool on);

  /// From now on TLS is spoken. The connection keeps `context`.
  void use_tls(TlsContext context);
  [[nodiscard]] SSL* tls();  ///< null: plain TCP
  [[nodiscard]] awaitable<error_code> accept_handshake();
  [[nodiscard]] awaitable<error_code> connect_handshake();
  /// Says goodbye where TLS is spoken, within the deadline of tcp().
  [[nodiscard]] awaitable<void> end_tls();

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    auto start = [this](auto handler, asio::mutable_buffer first) { read(first, std::move(handler)); };
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        std::move(start), token, first_of<asio::mutable_buffer>(buffers));
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    auto start = [this](auto handler, const WriteBuffers& some) { write(some, std::move(handler)); };
    return asio::async_initiate<Token, void(error_code, std::size_t)>(std::move(start), token,
                                                                      some_of(buffers));
  }

 private:
  using Handler = asio::any_completion_handler<void(error_code, std::size_t)>;
  using WriteBuffers = std::array<asio::const_buffer, 32>;  // each line of a head is one

  template <class Buffer, class Buffers>
  static Buffer first_of(const Buffers& buffers) {
    for (auto one = asio::buffer_sequence_begin(buffers); one != asio::buffer_sequence_end(buffers); ++one)
      if (Buffer buffer(*one); buffer.size() > 0) return buffer;
    return {};
  }
  template <class Buffers>
  static WriteBuffers some_of(const Buffers& buffers) {
    WriteBuffers some;
    std::size_t count = 0;
    for (auto one = asio::buffer_sequence_begin(buffers);
         one != asio::buffer_sequence_end(buffers) && count < some.size(); ++one)
      if (const asio::const_buffer buffer(*one); buffer.size() > 0) some.at(count++) = buffer;
    return some;
  }
  void read(asio::mutable_buffer buffer, Handler handler);
  void write(const WriteBuffers& buffers, Handler handler);

  struct Tls;
  boost::beast::tcp_stream tcp_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace flopwatt
