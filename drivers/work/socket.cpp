#include "drivers/work/socket.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace flopwatt::work {
namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;

/// Room for what arrives while the loop is busy. The kernel gives less where net.core.rmem_max is less.
constexpr int receive_buffer_bytes = 4 << 20;
/// Senders are members of the group, whatever the agent's umask.
constexpr mode_t default_mode = 0660;

std::string reason(int error) { return std::generic_category().message(error); }

Fault fault(const StatsdConfig& config, const std::string& what) {
  return {FaultClass::connection, "cannot receive counted work on " + config.text() + ": " + what, 0};
}

Result<stream_descriptor> make_socket(const asio::any_io_executor& executor, const StatsdConfig& config,
                                      int family) {
  const int descriptor = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return fault(config, "no socket: " + reason(errno));
  stream_descriptor owner(executor, descriptor);
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
  return owner;
}

Result<Socket> open_udp(const asio::any_io_executor& executor, const StatsdConfig& config) {
  boost::system::error_code error;
  const asio::ip::udp::endpoint endpoint(asio::ip::make_address(config.host, error), config.port);
  if (error) return fault(config, "'" + config.host + "' is no IP address; write one of this machine's");
  auto descriptor = make_socket(executor, config, endpoint.protocol().family());
  if (!descriptor) return descriptor.error();
  if (::bind(descriptor->native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0)
    return Socket{std::move(*descriptor), std::nullopt};
  switch (errno) {
    case EADDRINUSE:
      return fault(config, "another program receives there; stop it, or write another port");
    case EADDRNOTAVAIL:
      return fault(config, "this machine has no such address; write one that `ip address` shows");
    default:
      return fault(config, reason(errno));
  }
}

Result<sockaddr_un> unix_address(const StatsdConfig& config) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& path = config.path.native();
  if (path.size() >= sizeof address.sun_path) return fault(config, "the path is too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* as_sockaddr(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // NOLINT: how the socket interface is made
}

/// Makes room for the socket: removes a file that an agent which is dead has left behind.
Result<Done> clear_path(const asio::any_io_executor& executor, const StatsdConfig& config,
                        const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(config.path.c_str(), &status) != 0) return Done{};  // bind reports other troubles
  if (!S_ISSOCK(status.st_mode))
    return fault(config, "a file that is no socket is there; remove it, or write another path");
  const auto probe = make_socket(executor, config, AF_UNIX);
  if (!probe) return probe.error();
  const int descriptor = const_cast<stream_descriptor&>(*probe).native_handle();
  if (::connect(descriptor, as_sockaddr(address), sizeof address) == 0 || errno == EPROTOTYPE)
    return fault(config, "another program receives there; stop it, or write another path");
  if (errno == ECONNREFUSED && ::unlink(config.path.c_str()) == 0) return Done{};
  return fault(config, "the socket that is there cannot be replaced: " + reason(errno) +
                           "; remove it, or write another path");
}

Result<gid_t> find_group(const StatsdConfig& config) {
  std::array<char, 16384> buffer{};  // of a group's members, whom nobody asks for
  group entry{};
  group* found = nullptr;
  const int error = ::getgrnam_r(config.group.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return found->gr_gid;
  if (error != 0 && error != ENOENT)
    return fault(config, "the group '" + config.group + "' cannot be looked up: " + reason(error));
  return fault(config, "there is no group '" + config.group + "'; create it (groupadd --system " +
                           config.group + "), or write another");
}

/// Before the file has its group and mode nobody else can send: it begins with mode 0600.
Result<Done> grant(const StatsdConfig& config) {
  if (!config.group.empty()) {
    const auto group = find_group(config);
    if (!group) return group.error();
    if (::chown(config.path.c_str(), static_cast<uid_t>(-1), *group) != 0)
      return fault(config, "the socket cannot be given to the group '" + config.group + "': " +
                               reason(errno) + "; make the agent's user a member of it (with systemd: " +
                               "SupplementaryGroups=" + config.group + "), or remove the key group");
  }
  if (::chmod(config.path.c_str(), config.mode.value_or(default_mode)) != 0)
    return fault(config, "the socket's mode cannot be set: " + reason(errno));
  return Done{};
}

Fault bind_fault(const StatsdConfig& config, int error) {
  const std::string folder = config.path.parent_path().string();
  if (error == ENOENT)
    return fault(config, "the folder " + folder + " is not there; create it (systemd: RuntimeDirectory=)");
  if (error == EACCES)
    return fault(config, "the agent may not create files in " + folder + "; let its user write there");
  return fault(config, reason(error));
}

Result<Socket> open_unix(const asio::any_io_executor& executor, const StatsdConfig& config) {
  const auto address = unix_address(config);
  if (!address) return address.error();
  if (auto cleared = clear_path(executor, config, *address); !cleared) return cleared.error();
  auto descriptor = make_socket(executor, config, AF_UNIX);
  if (!descriptor) return descriptor.error();
  ::fchmod(descriptor->native_handle(), S_IRUSR | S_IWUSR);  // what bind gives the file
  if (::bind(descriptor->native_handle(), as_sockaddr(*address), sizeof(sockaddr_un)) != 0)
    return bind_fault(config, errno);
  Socket socket{std::move(*descriptor), SocketFile(config.path)};
  if (auto granted = grant(config); !granted) return granted.error();
  return socket;
}

}  // namespace

SocketFile::SocketFile(std::filesystem::path path) : path_(std::move(path)) {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0) return;
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile::~SocketFile() {
  struct stat status {};
  if (path_.empty() || ::lstat(path_.c_str(), &status) != 0) return;
  if (status.st_dev == device_ && status.st_ino == inode_) ::unlink(path_.c_str());
}

Result<Socket> open_socket(const asio::any_io_executor& executor, const StatsdConfig& config) {
  return config.kind == StatsdConfig::Kind::udp ? open_udp(executor, config) : open_unix(executor, config);
}

}  // namespace flopwatt::work
