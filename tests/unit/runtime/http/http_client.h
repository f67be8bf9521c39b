// A plain blocking HTTP client for tests that must control every byte.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace flopwatt::test {

/// One answer, as it came.
struct Answer {
  std::string head;  ///< status line and header lines, with their line ends
  std::string body;

  [[nodiscard]] int status() const { return head.size() < 12 ? 0 : std::stoi(head.substr(9, 3)); }
  [[nodiscard]] bool has(std::string_view line) const { return head.find(line) != std::string::npos; }
};

/// One connection. A read that takes longer than 10 s throws.
class HttpClient {
 public:
  /// `from`: this machine's own address that it comes from, "127.0.0.2". `kernel_bytes`: what its kernel takes without a
  /// read; 0: what Linux likes.
  explicit HttpClient(std::uint16_t port, const char* from = nullptr, int kernel_bytes = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    constexpr timeval patience{10, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (kernel_bytes > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &kernel_bytes, sizeof kernel_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (from != nullptr) {
      ::inet_pton(AF_INET, from, &address.sin_addr);
      ::bind(socket_, std::bit_cast<sockaddr*>(&address), sizeof address);
    }
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, std::bit_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect failed");
  }
  HttpClient(HttpClient&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), received_(std::move(other.received_)) {}
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient() {
    if (socket_ >= 0) ::close(socket_);
  }

  [[nodiscard]] std::uint16_t local_port() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(socket_, std::bit_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

  /// What the server no longer takes is lost, as on any connection.
  void send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  void send_no_more() const { ::shutdown(socket_, SHUT_WR); }

  void get(std::string_view path) const {
    send("GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n\r\n");
  }

  /// The next answer. `with_body`: false after a HEAD.
  [[nodiscard]] Answer read(bool with_body = true) {
    std::size_t head_end = 0;
    while ((head_end = received_.find("\r\n\r\n")) == std::string::npos)
      if (!receive_some()) return {};
    Answer answer{received_.substr(0, head_end + 2), {}};
    received_.erase(0, head_end + 4);
    const std::size_t length_at = answer.head.find("Content-Length: ");
    if (!with_body || length_at == std::string::npos) return answer;
    const std::size_t length = std::stoul(answer.head.substr(length_at + 16));
    while (received_.size() < length && receive_some()) {
    }
    answer.body = received_.substr(0, length);
    received_.erase(0, length);
    return answer;
  }

  /// Whether something has come that is not read yet.
  [[nodiscard]] bool has_answer() const {
    char first = 0;
    return ::recv(socket_, &first, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  /// True once the server has closed or reset the connection, after taking in what is left.
  [[nodiscard]] bool is_closed_by_server() {
    while (receive_some()) {
    }
    return true;
  }

  /// Whether it ended by a reset, which may cost the client what it had not read.
  [[nodiscard]] bool was_reset() const { return reset_; }

  [[nodiscard]] const std::string& unread() const { return received_; }

 private:
  // False: the connection is at its end.
  bool receive_some() {
    std::array<char, 16384> part{};
    const ssize_t count = ::recv(socket_, part.data(), part.size(), 0);
    if (count < 0 && errno == EAGAIN) throw std::runtime_error("no answer within 10 s");
    reset_ = count < 0;
    if (count <= 0) return false;
    received_.append(part.data(), static_cast<std::size_t>(count));
    return true;
  }

  int socket_;
  bool reset_ = false;
  std::string received_;
};

/// One request on a connection of its own.
[[nodiscard]] inline Answer get(std::uint16_t port, std::string_view path) {
  HttpClient client(port);
  client.get(path);
  return client.read();
}

}  // namespace flopwatt::test
