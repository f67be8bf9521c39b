#include "runtime/guest_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "runtime/threads.h"

namespace flopwatt {
namespace {

using namespace std::chrono_literals;

constexpr int guest_socket = 3;  // first descriptor after the standard ones
constexpr auto kill_patience = 1s;
constexpr auto end_patience = 200ms;  // between the end of the stream and the end of the process
constexpr int destructor_patience_ms = 100;

// By number: glibc 2.36 declares both without C linkage, so that C++ cannot link them.
int pidfd_open(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)); }
void pidfd_kill(int pidfd) { ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0U); }

std::string error_text(int error) { return std::generic_category().message(error); }

/// What posix_spawn needs beside the arguments. The guest gets standard error, one socket and nothing else:
/// other descriptors would keep our connections and files open in it.
class SpawnPlan {
 public:
  explicit SpawnPlan(int socket) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, socket, guest_socket);
    posix_spawn_file_actions_addclosefrom_np(&actions_, guest_socket + 1);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::string text_of(const siginfo_t& end) {
  if (end.si_code == CLD_EXITED) return "exit code " + std::to_string(end.si_status);
  return "signal " + std::to_string(end.si_status) + " (" + ::sigdescr_np(end.si_status) + ")";
}

awaitable<bool> readable(asio::posix::stream_descriptor& descriptor) {
  co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
  co_return true;
}

awaitable<bool> writable(asio::posix::stream_descriptor& descriptor) {
  co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_write, asio::use_awaitable);
  co_return true;
}

/// What `path` must fit in, with its terminating 0.
bool fits(const std::filesystem::path& path) { return path.native().size() < sizeof(sockaddr_un::sun_path); }

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

/// "": the process at the other end may send readings; else the reason why it may not.
std::string distrust(int socket, const std::filesystem::path& path) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return "asking who listens there: " + error_text(errno);
  if (peer.uid == 0 || peer.uid == ::geteuid()) return "";
  struct stat folder {};
  if (::stat(path.parent_path().c_str(), &folder) == 0 && folder.st_uid == peer.uid) return "";
  return "user " + std::to_string(peer.uid) +
         " listens there, who is neither root, nor this user, nor the owner of its folder";
}

/// The environment without FLOPWATT_*: those stand for flags of the command that the user gave, and the guest is
/// another command.
std::vector<char*> guest_environment() {
  constexpr std::string_view flag = "FLOPWATT_";
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with(flag)) variables.push_back(*variable);
  variables.push_back(nullptr);
  return variables;
}

}  // namespace

void make_room_for_messages(int socket) {
  // The kernel doubles the size, up to twice net.core.wmem_max, which is enough by default.
  constexpr int size = max_guest_message;
  ::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

GuestProcess::GuestProcess(Settings settings)
    : settings_(std::move(settings)), buffer_(std::make_unique_for_overwrite<char[]>(max_guest_message)) {}

GuestProcess::~GuestProcess() {
  socket_.reset();
  if (process_) {
    const int pidfd = process_->native_handle();
    pidfd_kill(pidfd);
    pollfd ended{.fd = pidfd, .events = POLLIN, .revents = 0};
    ::poll(&ended, 1, destructor_patience_ms);
    reap(pidfd);
  }
  if (abandoned_ >= 0) ::close(abandoned_);
}

Result<int> GuestProcess::spawn(int socket) {
  std::vector<std::string> arguments = {settings_.program};
  arguments.insert(arguments.end(), settings_.arguments.begin(), settings_.arguments.end());
  arguments.push_back("--socket_fd=" + std::to_string(guest_socket));
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<char*> environment = guest_environment();
  const SpawnPlan plan(socket);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, settings_.program.c_str(), &plan.actions_, &plan.attributes_,
                                  argv.data(), environment.data());
  if (error != 0)
    return Fault{FaultClass::device, "starting " + settings_.program + " as " + settings_.name + ": " +
                                         error_text(error) +
                                         (error == EAGAIN ? "; " + std::string(more_tasks) : "")};
  const int pidfd = pidfd_open(pid);
  if (pidfd >= 0) return pidfd;
  // Without a pidfd it could not be supervised.
  const int why = errno;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return Fault{FaultClass::device, "supervising " + settings_.name + " by pidfd_open: " + error_text(why)};
}

awaitable<Result<Done>> GuestProcess::start() {
  started_ = std::chrono::steady_clock::now();
  std::error_code error;
  if (settings_.only_socket ||
      (!settings_.socket.empty() && std::filesystem::exists(settings_.socket, error)))
    co_return co_await connect_to_service();
  co_return co_await start_process();
}

awaitable<Result<Done>> GuestProcess::connect_to_service() {
  const std::string tried = "connecting to the " + settings_.name + " at " + settings_.socket.string() + ": ";
  if (!fits(settings_.socket)) co_return Fault{FaultClass::connection, tried + "the path is too long"};
  const auto executor = co_await asio::this_coro::executor;
  const int descriptor = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) co_return Fault{FaultClass::device, tried + error_text(errno)};
  asio::posix::stream_descriptor socket(executor, descriptor);
  const sockaddr_un address = address_of(settings_.socket);
  // A local connection is made at once or not at all (EAGAIN: too many wait there).
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    co_return Fault{FaultClass::connection, tried + error_text(errno) + "; does its service run?"};
  if (const std::string reason = distrust(descriptor, settings_.socket); !reason.empty())
    co_return Fault{FaultClass::connection, tried + reason};
  end_ = "it closed the connection";
  socket_.emplace(std::move(socket));
  co_return Done{};
}

awaitable<Result<Done>> GuestProcess::start_process() {
  if (abandoned_ >= 0) {
    if (!reap(abandoned_))
      co_return Fault{FaultClass::device,
                      "the last " + settings_.name +
                          " cannot be killed: it is stuck in the kernel, see `ps` and the kernel "
                          "log; a new one is started when it is gone"};
    ::close(std::exchange(abandoned_, -1));
  }
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    co_return Fault{FaultClass::device, "making a socket for " + settings_.name + ": " + error_text(errno)};
  const auto executor = co_await asio::this_coro::executor;
  socket_.emplace(executor, ends[0]);
  make_room_for_messages(ends[1]);
  const Result<int> pidfd = spawn(ends[1]);
  ::close(ends[1]);
  if (!pidfd) {
    socket_.reset();
    co_return pidfd.error();
  }
  process_.emplace(executor, *pidfd);
  co_return Done{};
}

awaitable<Result<Done>> GuestProcess::send(std::string_view message, SteadyTime deadline) {
  while (socket_) {
    const auto sent =
        ::send(socket_->native_handle(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) co_return Done{};
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) break;
    const auto ready = co_await with_timeout(writable(*socket_), deadline - std::chrono::steady_clock::now());
    if (!ready) co_return Fault{FaultClass::timeout, "the " + settings_.name + " takes no message"};
  }
  co_return co_await ended_fault();
}

awaitable<Result<std::string_view>> GuestProcess::receive(SteadyTime deadline) {
  while (socket_) {
    const auto got =
        ::recv(socket_->native_handle(), buffer_.get(), max_guest_message, MSG_DONTWAIT | MSG_TRUNC);
    if (got > 0) {
      const auto size = static_cast<std::size_t>(got);
      if (size <= max_guest_message) co_return std::string_view(buffer_.get(), size);
      co_return Fault{FaultClass::protocol, "the " + settings_.name + " sent a message of " +
                                                std::to_string(size) + " bytes, more than " +
                                                std::to_string(max_guest_message)};
    }
    if (got == 0) break;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) break;
    const auto ready = co_await with_timeout(readable(*socket_), deadline - std::chrono::steady_clock::now());
    if (!ready) co_return Fault{FaultClass::timeout, "the " + settings_.name + " did not answer in time"};
  }
  co_return co_await ended_fault();
}

awaitable<Fault> GuestProcess::ended_fault() {
  std::string how = end_;
  if (process_) {
    co_await ends_within(end_patience);
    how = process_ ? "it closed its socket" : end_;
  }
  co_return Fault{FaultClass::device, "the " + settings_.name + " ended: " + how};
}

awaitable<bool> GuestProcess::ends_within(SteadyTime::duration limit) {
  if (!reap(process_->native_handle())) {
    const auto ended = co_await with_timeout(readable(*process_), limit);
    if (!ended || !reap(process_->native_handle())) co_return false;
  }
  process_.reset();
  co_return true;
}

awaitable<void> GuestProcess::stop() {
  if (process_) pidfd_kill(process_->native_handle());
  socket_.reset();
  if (!process_) co_return;
  const bool ended = co_await ends_within(kill_patience);
  if (ended) co_return;
  abandoned_ = process_->release();
  process_.reset();
}

bool GuestProcess::reap(int pidfd) {
  siginfo_t end{};
  const int result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &end, WEXITED | WNOHANG);
  if (result == 0 && end.si_pid == 0) return false;
  // An error means that somebody else has reaped it: it is gone all the same.
  end_ = result == 0 ? text_of(end) : error_text(errno);
  return true;
}

std::chrono::milliseconds GuestProcess::next_pause() {
  const auto now = std::chrono::steady_clock::now();
  if (now - started_ > settings_.last_pause) backoff_.succeed();
  return std::chrono::duration_cast<std::chrono::milliseconds>(backoff_.fail(now) - now);
}

}  // namespace flopwatt
