// A guest: a second process of this program that loads a vendor's library. The library may hang, crash or be
// upgraded without harm to the agent. Agent and guest exchange messages over an AF_UNIX SOCK_SEQPACKET
// socket, one packet for each message. Either the agent starts the guest, or the guest is a service that
// listens on a named socket (runtime/guest_listener.h), where it needs devices or a privilege that the agent
// must not have.
//
// All functions run on one loop and never block it. A pidfd reports the end of a started guest, so no SIGCHLD
// handler is needed. The guest must ask to die with its parent thread (PR_SET_PDEATHSIG).
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "readings/result.h"
#include "runtime/async.h"
#include "runtime/backoff.h"
#include "runtime/schedule.h"

namespace flopwatt {

/// Longest message, in bytes: a hello of 128 devices has about 100,000.
inline constexpr std::size_t max_guest_message = std::size_t{256} * 1024;

/// Makes room in the buffer of the guest's socket, which must hold the whole of a message.
void make_room_for_messages(int socket);

class GuestProcess {
 public:
  struct Settings {
    std::string name;  ///< name in messages: "guest of NVIDIA's library"
    std::string program = "/proc/self/exe";
    /// Arguments after the program's name; `--socket_fd=3` is added.
    std::vector<std::string> arguments;
    /// Socket of a guest that runs as a service; "" = none. If the socket exists at start(), or always with
    /// `only_socket`, start() connects there instead of starting a process. The service must run as root, as
    /// this user, or as the owner of the socket's folder.
    std::filesystem::path socket{};
    bool only_socket = false;
    /// Pause between an end and the next start. The pause doubles from first to last; it begins with first
    /// again after a guest that lived longer than last.
    std::chrono::milliseconds first_pause{1'000};
    std::chrono::milliseconds last_pause{60'000};
  };

  explicit GuestProcess(Settings settings);
  GuestProcess(const GuestProcess&) = delete;
  GuestProcess& operator=(const GuestProcess&) = delete;
  /// Kills the guest, and waits at most 0.1 s for its end.
  ~GuestProcess();

  /// Starts the guest, or connects to the service. Fails if it cannot be started, and while an earlier guest
  /// that could not be killed (stuck in the kernel) still exists: never more than one such. The calling
  /// thread must live as long as the guest.
  awaitable<Result<Done>> start();

  /// Sends one message. Fails with class timeout at the deadline, with class device if the guest has ended.
  awaitable<Result<Done>> send(std::string_view message, SteadyTime deadline);

  /// Waits for the next message. The text is valid until the next call. Fails as send(), and with class
  /// protocol on a message beyond max_guest_message.
  awaitable<Result<std::string_view>> receive(SteadyTime deadline);

  /// Kills a started guest, waits at most 1 s for its end, then abandons it. From a
  /// service it only disconnects.
  awaitable<void> stop();

  /// Pause before the next start(), after a guest that has ended or could not be started.
  [[nodiscard]] std::chrono::milliseconds next_pause();

 private:
  awaitable<Fault> ended_fault();
  awaitable<bool> ends_within(SteadyTime::duration limit);
  bool reap(int pidfd);
  [[nodiscard]] Result<int> spawn(int socket);
  awaitable<Result<Done>> connect_to_service();
  awaitable<Result<Done>> start_process();

  Settings settings_;
  std::unique_ptr<char[]> buffer_;  ///< of max_guest_message; memory is taken as messages need it
  std::optional<asio::posix::stream_descriptor> socket_, process_;
  int abandoned_ = -1;  ///< pidfd of a guest that could not be killed
  std::string end_;     ///< how the last one ended
  SteadyTime started_;
  Backoff backoff_{{settings_.first_pause, settings_.last_pause}};
};

}  // namespace flopwatt
