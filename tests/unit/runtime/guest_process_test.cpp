#include "runtime/guest_process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cstdlib>

namespace flopwatt {
namespace {

using namespace std::chrono_literals;

GuestProcess::Settings shell(const std::string& script) {
  return {.name = "guest", .program = "/bin/sh", .arguments = {"-c", script, "guest"}};
}

SteadyTime within_limit(SteadyTime::duration time) { return std::chrono::steady_clock::now() + time; }

/// Runs one coroutine to its end.
void run_guest(awaitable<void> task) {
  asio::io_context io(1);
  std::exception_ptr failure;
  bool ended = false;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr error) {
    failure = error;
    ended = true;
  });
  io.run_for(20s);
  if (failure) std::rethrow_exception(failure);
  REQUIRE(ended);
}

awaitable<std::string> ask_guest(GuestProcess& guest, std::string text) {
  const auto sent = co_await guest.send(text, within_limit(5s));
  if (!sent) co_return "send: " + sent.error().message;
  const auto answer = co_await guest.receive(within_limit(5s));
  co_return answer ? std::string(*answer) : "receive: " + answer.error().message;
}

awaitable<void> echo_twice() {
  GuestProcess guest(shell("exec cat <&3 >&3"));
  const auto started = co_await guest.start();
  REQUIRE(started);
  const std::string first = co_await ask_guest(guest, "one");
  const std::string second = co_await ask_guest(guest, std::string(50'000, 'x'));
  CHECK(first == "one");
  CHECK(second == std::string(50'000, 'x'));
  co_await guest.stop();
  const std::string after = co_await ask_guest(guest, "three");
  CHECK(after == "send: the guest ended: signal 9 (Killed)");
}

awaitable<void> hang() {
  GuestProcess guest(shell("exec sleep 1000"));
  const auto started = co_await guest.start();
  REQUIRE(started);
  const auto begun = std::chrono::steady_clock::now();
  const auto answer = co_await guest.receive(within_limit(50ms));
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault_class == FaultClass::timeout);
  co_await guest.stop();
  const auto again = co_await guest.start();  // nothing is left of the first
  CHECK(again);
}

awaitable<void> end_by(std::string script, std::string how) {
  GuestProcess guest(shell(script));
  const auto started = co_await guest.start();
  REQUIRE(started);
  const auto answer = co_await guest.receive(within_limit(10s));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault_class == FaultClass::device);
  CHECK(answer.error().message == "the guest ended: " + how);
}

awaitable<void> look_inside() {
  // Not close-on-exec, as a library may open one; beyond the guest's own, which would replace it.
  const int ours = ::fcntl(STDERR_FILENO, F_DUPFD, 20);
  REQUIRE(ours >= 20);
  ::signal(SIGPIPE, SIG_IGN);  // ignored signals are inherited
  GuestProcess guest(
      shell("exec 4>&3; ls /proc/self/fd | tr '\\n' ' ' >&4; grep SigIgn /proc/self/status >&4; "
            "echo $1 >&4; cat"));
  const auto started = co_await guest.start();
  ::close(ours);
  REQUIRE(started);
  const auto descriptors = co_await guest.receive(within_limit(10s));
  REQUIRE(descriptors);
  CHECK(*descriptors == "0 1 2 3 4 5 ");  // 4 is the script's own, 5 is that of `ls`
  const auto ignored = co_await guest.receive(within_limit(10s));
  REQUIRE(ignored);
  const auto mask = std::strtoull(ignored->data() + ignored->find('\t'), nullptr, 16);
  CHECK((mask >> (SIGPIPE - 1) & 1) == 0);
  const auto argument = co_await guest.receive(within_limit(10s));
  REQUIRE(argument);
  CHECK(*argument == "--socket_fd=3\n");
}

awaitable<void> look_at_environment() {
  ::setenv("FLOPWATT_LISTEN", "/tmp/somewhere", 1);
  ::setenv("OF_THE_LIBRARY", "kept", 1);
  GuestProcess guest(shell("echo \"[$FLOPWATT_LISTEN] [$OF_THE_LIBRARY]\" >&3; cat"));
  const auto started = co_await guest.start();
  ::unsetenv("FLOPWATT_LISTEN");
  ::unsetenv("OF_THE_LIBRARY");
  REQUIRE(started);
  const auto seen = co_await guest.receive(within_limit(10s));
  REQUIRE(seen);
  CHECK(*seen == "[] [kept]\n");
}

awaitable<void> no_program() {
  GuestProcess guest({.name = "guest", .program = "/no/such/program", .arguments = {}});
  const auto started = co_await guest.start();
  REQUIRE_FALSE(started);
  CHECK(started.error().message == "starting /no/such/program as guest: No such file or directory");
}

awaitable<void> pauses() {
  GuestProcess guest(
      {.name = "guest", .program = "/no/such/program", .arguments = {}, .first_pause = 1s, .last_pause = 5s});
  for (const auto expected : {1s, 2s, 4s, 5s, 5s}) {
    const auto started = co_await guest.start();
    CHECK_FALSE(started);
    CHECK(guest.next_pause() == expected);
  }
}

/// Sends so many bytes as one message.
std::string sender_of(std::size_t size) {
  const std::string bytes = std::to_string(size);
  return "head -c " + bytes + " /dev/zero | dd bs=" + bytes + " iflag=fullblock >&3 2>/dev/null; cat";
}

awaitable<void> longest() {
  GuestProcess guest(shell(sender_of(max_guest_message)));
  const auto started = co_await guest.start();
  REQUIRE(started);
  const auto answer = co_await guest.receive(within_limit(10s));
  REQUIRE(answer);
  CHECK(answer->size() == max_guest_message);
}

awaitable<void> too_long() {
  GuestProcess guest(shell(sender_of(max_guest_message + 1)));
  const auto started = co_await guest.start();
  REQUIRE(started);
  const auto answer = co_await guest.receive(within_limit(10s));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().fault_class == FaultClass::protocol);
}

/// A process that traces `pid` holds its remains back: like a guest stuck in the kernel, it does not go away.
class Holder {
 public:
  explicit Holder(pid_t pid) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    holder_ = ::fork();
    if (holder_ == 0) {
      const char seized = ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0 ? 'y' : 'n';
      if (::write(ready[1], &seized, 1) == 1)
        for (;;) ::pause();
      ::_exit(0);
    }
    char answer = 'n';
    holds = ::read(ready[0], &answer, 1) == 1 && answer == 'y';
    ::close(ready[0]);
    ::close(ready[1]);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() { let_go(); }

  void let_go() {
    if (holder_ <= 0) return;
    ::kill(holder_, SIGKILL);
    ::waitpid(holder_, nullptr, 0);
    holder_ = -1;
  }

  bool holds = false;

 private:
  pid_t holder_ = -1;
};

awaitable<void> cannot_be_killed() {
  GuestProcess guest(shell("echo $$ >&3; exec sleep 1000"));
  const auto started = co_await guest.start();
  REQUIRE(started);
  const auto pid = co_await guest.receive(within_limit(10s));
  REQUIRE(pid);
  Holder holder(static_cast<pid_t>(std::strtol(std::string(*pid).c_str(), nullptr, 10)));
  if (!holder.holds) {
    MESSAGE("this machine lets no process trace another: not tested");
    co_return;
  }
  const auto begun = std::chrono::steady_clock::now();
  co_await guest.stop();
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
  const auto second = co_await guest.start();
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find("cannot be killed") != std::string::npos);
  holder.let_go();
  const auto end = within_limit(10s);
  bool again = false;
  while (!again && std::chrono::steady_clock::now() < end) again = (co_await guest.start()).has_value();
  CHECK(again);
}

}  // namespace

TEST_CASE("a guest answers, one packet a message, until it is stopped") { run_guest(echo_twice()); }
TEST_CASE("a guest that hangs is a timeout and can be killed") { run_guest(hang()); }
TEST_CASE("a guest's end is reported as it was") {
  run_guest(end_by("exit 7", "exit code 7"));
  run_guest(end_by("kill -SEGV $$", "signal 11 (Segmentation fault)"));
  run_guest(end_by("exec 3>&-; exec sleep 1000", "it closed its socket"));
}
TEST_CASE("a guest inherits its socket and standard error, no other descriptor and no ignored signal") {
  run_guest(look_inside());
}
TEST_CASE("a guest does not inherit flags that stand in the environment") {
  run_guest(look_at_environment());
}
TEST_CASE("a program that is not there is a fault") { run_guest(no_program()); }
TEST_CASE("the longest message goes through the socket") { run_guest(longest()); }
TEST_CASE("a message that is too long is refused") { run_guest(too_long()); }
TEST_CASE("a guest that cannot be killed is abandoned, and no other is started while it is there") {
  run_guest(cannot_be_killed());
}

TEST_CASE("the pause between starts doubles up to its limit") { run_guest(pauses()); }

}  // namespace flopwatt
