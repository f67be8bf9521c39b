// A guest: this very program started once more to hold a vendor's library, which may hang, crash or be
// upgraded without harm to the agent. It is asked over an AF_UNIX SOCK_SEQPACKET socket; a message is one
// packet. It is either started by the agent, or a service of its own that listens on a named socket
// (runtime/guest_listener.h), where it needs devices or a privilege that the agent shall not have.
//
// Everything here runs on one loop and never blocks it. The end of a guest that was started is learnt from a
// pidfd, so no SIGCHLD handler is needed; it must die with its parent thread by itself (PR_SET_PDEATHSIG).
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "readings/result.h"
#include "runtime/async.h"
#include "runtime/backoff.h"
#include "runtime/schedule.h"

namespace flopwatt {

class GuestProcess {
 public:
  struct Settings {
    std::string name;  ///< as messages call it: "guest of NVIDIA's library"
    std::string program = "/proc/self/exe";
    /// Arguments after the program's name; `--socket_fd=3` is added.
    std::vector<std::string> arguments;
    /// Where a guest that is a service of its own listens, "" for none: it is asked instead of starting one,
    /// at each start() at which the socket is there, or always with `only_socket`. It is believed only if it
    /// runs as root, as this user, or as the owner of the socket's folder.
    std::filesystem::path socket{};
    bool only_socket = false;
    /// Pause between an end and the next start: doubles from first to last, starts anew after a guest that
    /// lived for longer than the last.
    std::chrono::milliseconds first_pause{1'000};
    std::chrono::milliseconds last_pause{60'000};
  };

  explicit GuestProcess(Settings settings);
  GuestProcess(const GuestProcess&) = delete;
  GuestProcess& operator=(const GuestProcess&) = delete;
  /// Kills the guest and waits for its end for at most 0.1 s.
  ~GuestProcess();

  /// Starts it, or connects to the service. Fails where it could not be started, and while an earlier one
  /// that could not be killed (stuck in the kernel) is still there: never more than one such. Call from the
  /// thread that lives as long as the guest.
  awaitable<Result<Done>> start();

  /// Sends one message. Fails with class timeout at the deadline, device where the guest has ended.
  awaitable<Result<Done>> send(std::string_view message, SteadyTime deadline);

  /// The next message; the text is valid until the next call. Fails as send(), and with class protocol on a
  /// message beyond 64 KiB.
  awaitable<Result<std::string_view>> receive(SteadyTime deadline);

  /// Kills the guest that was started, if there is one, and waits for its end for at most 1 s; then it is
  /// abandoned. A service is only left.
  awaitable<void> stop();

  /// How long to wait from now before start(), after a guest that has ended or could not be started.
  [[nodiscard]] std::chrono::milliseconds next_pause();

 private:
  awaitable<Fault> ended_fault();
  awaitable<bool> ends_within(SteadyTime::duration limit);
  bool reap(int pidfd);
  [[nodiscard]] Result<int> spawn(int socket);
  awaitable<Result<Done>> connect_to_service();
  awaitable<Result<Done>> start_process();

  Settings settings_;
  std::vector<char> buffer_;
  std::optional<asio::posix::stream_descriptor> socket_, process_;
  int abandoned_ = -1;  ///< pidfd of a guest that could not be killed
  std::string end_;     ///< how the last one ended
  SteadyTime started_;
  Backoff backoff_{{settings_.first_pause, settings_.last_pause}};
};

}  // namespace flopwatt
