// `flopwatt smi VENDOR`: the guest process that holds a vendor's library. It may hang, crash or be upgraded
// without harm to the agent. One thread; speaks JSON messages (messages.h).
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "drivers/accelerators/vendor.h"

namespace flopwatt::accelerators {

struct GuestOptions {
  std::string library;  ///< "": the vendor's usual one
  /// From one reading to the next where a person runs the guest; an agent asks for each reading.
  std::chrono::microseconds interval = std::chrono::seconds(1);
  /// Number of the connected AF_UNIX SOCK_SEQPACKET socket over which the agent asks; -1: by hand, on stdout.
  int socket_fd = -1;
  /// A guest that is a service of its own: it listens on a socket that it makes there. "": none.
  std::filesystem::path listen;
};

/// By hand: one JSON line for the identities, then one a device each interval, until SIGINT or SIGTERM. With
/// a socket: a `hello`, then for each `poll` one message a device and `done`, until the socket closes;
/// SIGINT, SIGTERM and SIGHUP are ignored, since its life is its socket's. Listening: the same for one client
/// after the other, with the library loaded anew for each, and without end; a library that hangs ends the
/// process by SIGALRM, since no agent can kill it then. Returns the exit code: 0, or 2 where the library or
/// its driver cannot be used or nothing can listen.
int run_guest(const Vendor& vendor, const GuestOptions& options);

}  // namespace flopwatt::accelerators
