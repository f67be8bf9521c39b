#include "drivers/accelerators/guest.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <memory>

#include "drivers/accelerators/messages.h"
#include "runtime/guest_listener.h"
#include "runtime/schedule.h"

namespace flopwatt::accelerators {
namespace {

constexpr int exit_good = 0;
constexpr int exit_device = 2;

/// How one life of the library ended.
enum class End : std::uint8_t {
  left,         ///< nobody listens any more
  unavailable,  ///< it cannot be used; that was told
  broken,       ///< only a new process helps
};

/// Longest times that a listening guest gives the library: to start all devices, and to read them. The agent
/// has given up long before.
constexpr unsigned longest_start_s = 60, longest_poll_s = 15;

/// Where messages go: one line of standard output, or one packet of the socket.
class Sink {
 public:
  explicit Sink(int socket) : socket_(socket) {}

  /// False where nobody reads any more.
  bool write(const std::string& message) const {
    if (socket_ < 0) return (std::cout << message << std::endl).good();
    for (;;) {
      const auto sent = ::send(socket_, message.data(), message.size(), MSG_NOSIGNAL);
      if (sent >= 0) return true;
      if (errno != EINTR) return false;
    }
  }

 private:
  int socket_;
};

bool say_hello(const Sink& sink, const DeviceReader& reader) {
  Hello hello{.driver = reader.driver_version(), .devices = {}};
  for (std::size_t i = 0; i < reader.size(); ++i) hello.devices.push_back(reader.identity(i));
  return sink.write(format(hello));
}

/// Reads every device once. False where nobody listens any more.
bool tell_readings(const Sink& sink, DeviceReader& reader) {
  if (reader.look_again() && !say_hello(sink, reader)) return false;
  for (std::size_t i = 0; i < reader.size(); ++i)
    if (!sink.write(format(DeviceMessage{i, reader.read(i)}, reader.identity(i)))) return false;
  return true;
}

/// Waits for the next poll; false when the socket is closed.
bool wait_for_poll(int socket, const GuestListener* listener, const std::string& busy) {
  std::array<char, 256> buffer{};
  for (;;) {
    if (listener != nullptr) listener->wait_for(socket, busy);
    const auto got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got > 0) return true;  // there is only one kind of question
    if (got == 0 || errno != EINTR) return false;
  }
}

/// `listener`: the guest is a service of its own.
End serve(const Vendor& vendor, const Sink& sink, int socket, DeviceReader& reader,
          const GuestListener* listener) {
  const std::string busy = format(Unavailable{.text = "the guest of " + std::string(vendor.keys.title) +
                                                      "'s library serves another agent"});
  ::alarm(0);
  while (wait_for_poll(socket, listener, busy)) {
    if (listener != nullptr) ::alarm(longest_poll_s);
    if (!tell_readings(sink, reader) || !sink.write(std::string(done_message))) break;
    if (reader.broken()) return End::broken;
    ::alarm(0);
  }
  return End::left;
}

/// True where SIGINT or SIGTERM, which are blocked, arrived before `when`.
bool signalled_before(SteadyTime when, const sigset_t& signals) {
  const auto left = std::max(when - std::chrono::steady_clock::now(), SteadyTime::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  return ::sigtimedwait(&signals, nullptr, &limit) > 0;
}

End print(const Sink& sink, std::chrono::microseconds interval, DeviceReader& reader) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  Schedule schedule(interval, std::chrono::microseconds(0), Pace::steady, std::chrono::steady_clock::now());
  while (!signalled_before(schedule.due(), signals)) {
    if (!tell_readings(sink, reader)) break;
    if (reader.broken()) return End::broken;
    schedule.advance(std::chrono::steady_clock::now());
  }
  return End::left;
}

/// A guest lives as long as its socket: it does not hear the signals that a terminal or a service manager
/// sends to all processes of the agent, and does not outlive the agent while the library hangs.
void become_guest() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int ignored : {SIGINT, SIGTERM, SIGHUP}) std::signal(ignored, SIG_IGN);
}

void complain(const Vendor& vendor, const std::string& text) {
  std::cerr << "flopwatt smi " << vendor.keys.name << ": " << text << '\n';
}

End give_up(const Vendor& vendor, const Sink& sink, bool by_hand, const Unavailable& unavailable) {
  if (by_hand)
    complain(vendor, unavailable.text);
  else
    sink.write(format(unavailable));
  return End::unavailable;
}

/// One life of the library: by hand, or for one client.
End use_library(const Vendor& vendor, const GuestOptions& options, int socket,
                const GuestListener* listener) {
  const bool by_hand = socket < 0;
  const Sink sink(socket);
  const auto made =
      vendor.make_reader(options.library.empty() ? std::string(vendor.keys.library) : options.library);
  if (!made) return give_up(vendor, sink, by_hand, made.error());
  DeviceReader& reader = **made;
  if (!say_hello(sink, reader)) return End::left;
  return by_hand ? print(sink, options.interval, reader) : serve(vendor, sink, socket, reader, listener);
}

int listen_for_clients(const Vendor& vendor, const GuestOptions& options) {
  const auto listener = GuestListener::open(options.listen);
  Result<int> client = listener ? listener->accept() : listener.error();
  for (; client; client = listener->accept()) {
    ::alarm(longest_start_s);
    const End end = use_library(vendor, options, *client, &*listener);
    ::alarm(0);
    ::close(*client);
    if (end == End::broken) return exit_device;
  }
  complain(vendor, client.error().message);
  return exit_device;
}

}  // namespace

int run_guest(const Vendor& vendor, const GuestOptions& options) {
  if (!options.listen.empty()) return listen_for_clients(vendor, options);
  if (options.socket_fd >= 0) become_guest();
  return use_library(vendor, options, options.socket_fd, nullptr) == End::left ? exit_good : exit_device;
}

}  // namespace flopwatt::accelerators
