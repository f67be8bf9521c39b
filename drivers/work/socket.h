// Sockets that receive lines: unix datagram sockets with group and mode, and UDP.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <optional>

#include "config/config.h"
#include "readings/result.h"

namespace flopwatt::work {

/// The file of a socket. The destructor removes the file, unless another file has taken its place.
class SocketFile {
 public:
  explicit SocketFile(std::filesystem::path path);
  ~SocketFile();
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;

 private:
  std::filesystem::path path_;  // empty once another object has taken the file over
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct Socket {
  boost::asio::posix::stream_descriptor descriptor;  ///< bound to the configured address; never blocks
  std::optional<SocketFile> file;
};

/// Opens the socket. Replaces a socket file without a receiver, which a dead agent has left. Faults say what
/// to do: the path belongs to another program or is no socket, the group is unknown or not permitted, the
/// port is taken ...
[[nodiscard]] Result<Socket> open_socket(const boost::asio::any_io_executor& executor,
                                         const StatsdConfig& config);

}  // namespace flopwatt::work
