#include "runtime/guest_listener.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/guest_process.h"

namespace flopwatt {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A folder of its own for the sockets of one test.
struct Folder {
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "guest-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path path;
};

/// A process that listens at `path` as `user` and gives each message back to the one client that it serves.
class Service {
 public:
  explicit Service(const fs::path& path, uid_t user = ::geteuid()) {
    std::array<int, 2> ready{};
    REQUIRE(::pipe(ready.data()) == 0);
    process_ = ::fork();
    if (process_ == 0) _exit(serve(path, user, ready[1]));
    ::close(ready[1]);
    char byte = 0;
    const bool listens = ::read(ready[0], &byte, 1) == 1;
    ::close(ready[0]);
    REQUIRE(listens);
  }
  ~Service() { kill(); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = -1;
  }

 private:
  static int serve(const fs::path& path, uid_t user, int ready) {
    if (user != ::geteuid() && ::setuid(user) != 0) return 1;
    const auto listener = GuestListener::open(path);
    if (!listener || ::write(ready, "1", 1) != 1) return 1;
    for (;;) {
      const auto client = listener->accept();
      if (!client) return 1;
      std::array<char, 64> buffer{};
      for (;;) {
        listener->wait_for(*client, "busy");
        const auto got = ::recv(*client, buffer.data(), buffer.size(), 0);
        if (got <= 0) break;
        (void)::send(*client, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
      }
      ::close(*client);
    }
  }

  pid_t process_ = -1;
};

GuestProcess::Settings listener_at(const fs::path& path) {
  return {.name = "guest", .program = "/bin/false", .arguments = {}, .socket = path, .only_socket = true};
}

SteadyTime within(SteadyTime::duration time) { return std::chrono::steady_clock::now() + time; }

awaitable<std::string> ask_listener(GuestProcess& guest, std::string text) {
  const auto sent = co_await guest.send(text, within(5s));
  if (!sent) co_return "send: " + sent.error().message;
  const auto answer = co_await guest.receive(within(5s));
  co_return answer ? std::string(*answer) : "receive: " + answer.error().message;
}

/// "" or why not.
awaitable<std::string> connect(GuestProcess& guest) {
  const auto connected = co_await guest.start();
  co_return connected ? std::string() : connected.error().message;
}

void run_listening(awaitable<void> task) {
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

awaitable<void> one_after_the_other(fs::path path) {
  GuestProcess first(listener_at(path)), second(listener_at(path));
  const std::string connected = co_await connect(first);
  CHECK(connected == "");
  const std::string answer = co_await ask_listener(first, "one");
  CHECK(answer == "one");
  const std::string also = co_await connect(second);
  CHECK(also == "");
  const auto told = co_await second.receive(within(5s));
  CHECK((told && *told == "busy"));
  co_await second.stop();
  co_await first.stop();
  const std::string again = co_await connect(second);
  CHECK(again == "");
  const std::string its = co_await ask_listener(second, "two");
  CHECK(its == "two");
}

awaitable<void> killed_and_started_again(fs::path path) {
  auto service = std::make_unique<Service>(path);
  GuestProcess guest(listener_at(path));
  const std::string connected = co_await connect(guest);
  CHECK(connected == "");
  service->kill();
  const std::string ended = co_await ask_listener(guest, "one");
  CHECK(ended.find("the guest ended: it closed the connection") != std::string::npos);
  co_await guest.stop();
  const std::string nobody = co_await connect(guest);
  CHECK(nobody.find("Connection refused; does its service run?") != std::string::npos);
  service = std::make_unique<Service>(path);  // over what the killed one left
  const std::string again = co_await connect(guest);
  CHECK(again == "");
  const std::string answer = co_await ask_listener(guest, "two");
  CHECK(answer == "two");
}

awaitable<std::string> connect_once(fs::path path) {
  GuestProcess guest(listener_at(path));
  co_return co_await connect(guest);
}

awaitable<void> check_connect(fs::path path, std::string why) {
  const std::string reason = co_await connect_once(path);
  INFO(reason);
  CHECK((why.empty() ? reason.empty() : reason.find(why) != std::string::npos));
}

awaitable<void> prefers_the_socket(fs::path path) {
  GuestProcess guest({.name = "guest",
                      .program = "/bin/sh",
                      .arguments = {"-c", "exec cat <&3 >&3", "guest"},
                      .socket = path,
                      .only_socket = false});
  const std::string spawned = co_await connect(guest);
  CHECK(spawned == "");
  co_await guest.stop();
  const Service service(path);
  const std::string connected = co_await connect(guest);
  CHECK(connected == "");
  co_await guest.stop();
  const std::string after = co_await ask_listener(guest, "one");
  CHECK(after.find("it closed the connection") != std::string::npos);  // it was no process of ours
}

}  // namespace

TEST_CASE("a service serves one client after the other; who comes meanwhile gets a message") {
  const Folder folder;
  const Service service(folder.path / "guest.sock");
  run_listening(one_after_the_other(folder.path / "guest.sock"));
}

TEST_CASE("a service that was killed is found again") {
  const Folder folder;
  run_listening(killed_and_started_again(folder.path / "guest.sock"));
}

TEST_CASE("without its socket a guest is started, with it the service is asked") {
  const Folder folder;
  run_listening(prefers_the_socket(folder.path / "guest.sock"));
}

TEST_CASE("a path without a socket, or too long, says so") {
  const Folder folder;
  run_listening(check_connect(folder.path / "none.sock", "No such file"));
  run_listening(check_connect(folder.path / std::string(120, 'x'), "too long"));
  CHECK_FALSE(GuestListener::open(folder.path / std::string(120, 'x')));
}

TEST_CASE("two services cannot share a path; a file that is no socket is left alone") {
  const Folder folder;
  const Service service(folder.path / "guest.sock");
  const auto second = GuestListener::open(folder.path / "guest.sock");
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find("another guest listens") != std::string::npos);
  std::ofstream(folder.path / "notes.txt") << "text";
  CHECK_FALSE(GuestListener::open(folder.path / "notes.txt"));
  CHECK(fs::file_size(folder.path / "notes.txt") == 4);
}

TEST_CASE("another user's service is believed only in a folder of that user") {
  if (::geteuid() != 0) return;  // only root can take on another user
  constexpr uid_t nobody = 65534;
  const Folder folder;
  REQUIRE(::chmod(folder.path.c_str(), 0777) == 0);
  const Service service(folder.path / "guest.sock", nobody);
  run_listening(check_connect(folder.path / "guest.sock", "user 65534 listens there"));
  REQUIRE(::chown(folder.path.c_str(), nobody, nobody) == 0);
  run_listening(check_connect(folder.path / "guest.sock", ""));
}

TEST_CASE("a listening guest can send the longest message") {
  const Folder folder;
  const auto listener = GuestListener::open(folder.path / "socket");
  REQUIRE(listener);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder.path / "socket").native().copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int agent = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(agent, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  const auto client = listener->accept();
  REQUIRE(client);
  const std::string longest(max_guest_message, 'x');
  CHECK(::send(*client, longest.data(), longest.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
        static_cast<ssize_t>(longest.size()));
  ::close(*client);
  ::close(agent);
}

}  // namespace flopwatt
