#include "runtime/guest_listener.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "runtime/guest_process.h"

namespace flopwatt {
namespace {

constexpr int most_waiting = 4;

Fault fault_of(const std::filesystem::path& path, const std::string& reason) {
  return {FaultClass::device, "listening at " + path.string() + ": " + reason};
}

Fault system_fault(const std::filesystem::path& path) {
  return fault_of(path, std::generic_category().message(errno));
}

/// Whether somebody listens there now.
bool is_alive(const sockaddr_un& address) {
  const int probe = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const bool connected = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const bool alive = connected || errno == EAGAIN;  // EAGAIN: others wait there already
  ::close(probe);
  return alive;
}

}  // namespace

Result<GuestListener> GuestListener::open(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof(address.sun_path)) return fault_of(path, "the path is too long");
  path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (is_alive(address)) return fault_of(path, "another guest listens there; end it first");
  std::error_code error;
  if (std::filesystem::is_socket(path, error)) std::filesystem::remove(path, error);
  GuestListener listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (listener.descriptor_ < 0) return system_fault(path);
  if (::bind(listener.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener.descriptor_, most_waiting) != 0)
    return system_fault(path);
  return listener;
}

GuestListener::GuestListener(GuestListener&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

GuestListener::~GuestListener() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<int> GuestListener::accept() const {
  for (;;) {
    const int client = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) {
      make_room_for_messages(client);
      return client;
    }
    if (errno != EINTR && errno != ECONNABORTED)
      return Fault{FaultClass::device, "accepting a client: " + std::generic_category().message(errno)};
  }
}

void GuestListener::wait_for(int client, std::string_view busy) const {
  for (;;) {
    std::array<pollfd, 2> watched{{{.fd = client, .events = POLLIN, .revents = 0},
                                   {.fd = descriptor_, .events = POLLIN, .revents = 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
    if (watched[0].revents != 0) return;  // it may have gone: then the next in the queue is not too many
    if (watched[1].revents == 0) continue;
    const int other = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (other < 0) continue;
    (void)::send(other, busy.data(), busy.size(), MSG_NOSIGNAL);
    ::close(other);
  }
}

}  // namespace flopwatt
