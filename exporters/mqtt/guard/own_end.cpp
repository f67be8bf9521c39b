#include "exporters/mqtt/guard/own_end.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <filesystem>
#include <string>

namespace flopwatt::mqtt {
namespace {

using boost::asio::ip::tcp;
using NameOf = int (*)(int, sockaddr*, socklen_t*);

bool is_at(int descriptor, NameOf name_of, const tcp::endpoint& endpoint) {
  tcp::endpoint found;
  socklen_t length = static_cast<socklen_t>(found.capacity());
  if (name_of(descriptor, found.data(), &length) != 0) return false;
  if (found.protocol().family() != endpoint.protocol().family() || length != endpoint.size()) return false;
  found.resize(length);
  return found == endpoint;
}

}  // namespace

bool is_own_end(const tcp::socket& accepted) {
  boost::system::error_code gone;
  const tcp::endpoint here = accepted.local_endpoint(gone);
  const tcp::endpoint there = gone ? tcp::endpoint{} : accepted.remote_endpoint(gone);
  if (gone) return false;
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", unreadable)) {
    const std::string name = entry.path().filename();
    int descriptor = -1;
    std::from_chars(name.data(), name.data() + name.size(), descriptor);
    if (is_at(descriptor, &::getsockname, there) && is_at(descriptor, &::getpeername, here)) return true;
  }
  return false;
}

}  // namespace flopwatt::mqtt
