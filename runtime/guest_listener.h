// The other end of a guest that is a service of its own (runtime/guest_process.h): a named AF_UNIX
// SOCK_SEQPACKET socket for one client at a time. Blocking; one thread.
#pragma once

#include <filesystem>
#include <string_view>

#include "readings/result.h"

namespace flopwatt {

class GuestListener {
 public:
  /// Listens at `path`, which is made with the process's umask; what an ended guest left there is replaced.
  /// Fails where another guest listens, and where the path cannot be made.
  [[nodiscard]] static Result<GuestListener> open(const std::filesystem::path& path);

  GuestListener(GuestListener&& other) noexcept;
  GuestListener& operator=(GuestListener&&) = delete;
  ~GuestListener();

  /// Waits for the next client: its socket, which is the caller's.
  [[nodiscard]] Result<int> accept() const;

  /// Waits until `client` has sent something or has gone. Whoever else comes meanwhile is sent `busy` and
  /// left.
  void wait_for(int client, std::string_view busy) const;

 private:
  explicit GuestListener(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace flopwatt
