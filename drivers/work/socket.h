// The sockets that lines are sent to: unix datagram sockets with group and mode, and UDP.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <optional>

#include "config/config.h"
#include "readings/result.h"

namespace flopwatt::work {

/// A socket's file, which is removed with this, unless another has taken its place.
class SocketFile {
 public:
  explicit SocketFile(std::filesystem::path path);
  ~SocketFile();
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;

 private:
  std::filesystem::path path_;  // empty: moved from
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct Socket {
  boost::asio::posix::stream_descriptor descriptor;  ///< bound, does not block
  std::optional<SocketFile> file;
};

/// A socket file that nobody receives on (its agent is dead) is replaced. Faults say what to do: the path is
/// another program's or no socket, the group is not there or may not be given, the port is taken ...
[[nodiscard]] Result<Socket> open_socket(const boost::asio::any_io_executor& executor,
                                         const StatsdConfig& config);

}  // namespace flopwatt::work
