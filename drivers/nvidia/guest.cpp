#include "drivers/nvidia/guest.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>

#include "drivers/nvidia/device_reader.h"
#include "drivers/nvidia/messages.h"
#include "drivers/nvidia/nvml_library.h"
#include "runtime/schedule.h"

namespace flopwatt::nvidia {
namespace {

constexpr int exit_good = 0;
constexpr int exit_device = 2;

/// Where messages go: one line of standard output, or one packet of the socket.
class Sink {
 public:
  explicit Sink(int socket) : socket_(socket) {}

  /// False where nobody reads any more.
  bool write(const std::string& message) const {
    if (socket_ < 0) return std::puts(message.c_str()) >= 0 && std::fflush(stdout) == 0;
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
    if (!sink.write(format(DeviceMessage{i, reader.read(i)}, reader.identity(i).pci))) return false;
  return true;
}

/// Waits for the next poll; false when the socket is closed.
bool wait_for_poll(int socket) {
  std::array<char, 256> buffer{};
  for (;;) {
    const auto got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got > 0) return true;  // there is only one kind of question
    if (got == 0 || errno != EINTR) return false;
  }
}

int serve(const Sink& sink, int socket, DeviceReader& reader) {
  while (wait_for_poll(socket)) {
    if (!tell_readings(sink, reader) || !sink.write(std::string(done_message))) break;
    if (reader.broken()) return exit_device;
  }
  return exit_good;
}

/// True where SIGINT or SIGTERM, which are blocked, arrived before `when`.
bool signalled_before(SteadyTime when, const sigset_t& signals) {
  const auto left = std::max(when - std::chrono::steady_clock::now(), SteadyTime::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  return ::sigtimedwait(&signals, nullptr, &limit) > 0;
}

int print(const Sink& sink, std::chrono::microseconds interval, DeviceReader& reader) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  Schedule schedule(interval, std::chrono::microseconds(0), std::chrono::steady_clock::now());
  while (!signalled_before(schedule.due(), signals)) {
    if (!tell_readings(sink, reader)) break;
    if (reader.broken()) return exit_device;
    schedule.advance(std::chrono::steady_clock::now());
  }
  return exit_good;
}

/// A guest lives as long as its socket: it does not hear the signals that a terminal or a service manager
/// sends to all processes of the agent, and does not outlive the agent while the library hangs.
void become_guest() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int ignored : {SIGINT, SIGTERM, SIGHUP}) std::signal(ignored, SIG_IGN);
}

int give_up(const Sink& sink, bool by_hand, const Fault& fault) {
  const bool no_library = fault.code == static_cast<int>(abi::Return::library_not_found);
  if (by_hand)
    std::fprintf(stderr, "flopwatt smi nvidia: %s\n", fault.message.c_str());
  else
    sink.write(format(Unavailable{.no_library = no_library, .text = fault.message, .code = fault.code}));
  return exit_device;
}

}  // namespace

int run_guest(const GuestOptions& options) {
  const bool by_hand = options.socket_fd < 0;
  if (!by_hand) become_guest();
  const Sink sink(options.socket_fd);
  const auto library = NvmlLibrary::open(options.library);
  if (!library) return give_up(sink, by_hand, library.error());
  DeviceReader reader((*library)->functions());
  const auto found = reader.find_devices();
  if (!found) return give_up(sink, by_hand, found.error());
  if (!say_hello(sink, reader)) return exit_good;
  return by_hand ? print(sink, options.interval, reader) : serve(sink, options.socket_fd, reader);
}

}  // namespace flopwatt::nvidia
