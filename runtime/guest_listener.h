// The listening socket of a guest that runs as a service (runtime/guest_process.h is the client): a named
// AF_UNIX SOCK_SEQPACKET socket that serves one client at a time. Blocking; one thread.
#pragma once

#include <filesystem>
#include <string_view>

#include "readings/result.h"

namespace flopwatt {

class GuestListener {
 public:
  /// Listens at `path`, which is made with the process's umask. Replaces the socket of a guest that has
  /// ended. Fails if another guest listens there, or if the path cannot be made.
  [[nodiscard]] static Result<GuestListener> open(const std::filesystem::path& path);

  GuestListener(GuestListener&& other) noexcept;
  GuestListener& operator=(GuestListener&&) = delete;
  ~GuestListener();

  /// Waits for the next client. Returns its socket, which the caller must close.
  [[nodiscard]] Result<int> accept() const;

  /// Waits until `client` has sent something or has gone. Other clients that connect meanwhile get the
  /// message `busy` and are closed.
  void wait_for(int client, std::string_view busy) const;

 private:
  explicit GuestListener(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace flopwatt
