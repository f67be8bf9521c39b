// A real broker and a real subscriber, both independent of the code under test.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace flopwatt::test {

/// Runs the loop until `condition` holds; false when it does not within `limit`.
inline bool run_until(boost::asio::io_context& loop, const std::function<bool()>& condition,
                      std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto give_up = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= give_up) return false;
    loop.restart();
    loop.run_one_for(std::chrono::milliseconds(10));
  }
  return true;
}

/// A child process; killed when this ends, or when the test itself is killed: else it would hold the test's
/// output open, and who runs the tests would wait for it.
class Child {
 public:
  Child() = default;
  Child(std::vector<std::string> command, int standard_output) {
    command.insert(command.begin(), {"setpriv", "--pdeathsig", "KILL"});
    std::vector<char*> arguments;
    for (std::string& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, standard_output, STDOUT_FILENO);
    const int failed = posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0)
      throw std::runtime_error("cannot start " + command[0] +
                               ": install Debian's mosquitto and mosquitto-clients");
  }
  ~Child() { stop(SIGKILL); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void send(int signal) const { kill(pid_, signal); }
  int stop(int signal) {
    if (pid_ <= 0) return 0;
    kill(pid_, SIGCONT);
    if (signal != 0) kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = "/tmp/flopwatt-mqtt-XXXXXX";
    path = mkdtemp(name.data());
    std::filesystem::permissions(path, std::filesystem::perms::all);  // mosquitto gives up root
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  void write(const std::string& file, const std::string& text) const { std::ofstream(path / file) << text; }

  std::filesystem::path path;
};

inline std::uint16_t free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(listener, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  close(listener);
  return ntohs(address.sin_port);
}

class Mosquitto {
 public:
  /// `settings`: lines for mosquitto.conf; files they name are written into `folder` before.
  explicit Mosquitto(std::string settings = "allow_anonymous true\n") : settings_(std::move(settings)) {}

  void start() {
    folder.write("mosquitto.conf", "listener " + std::to_string(port) +
                                       " 127.0.0.1\nlog_type all\nlog_dest file " +
                                       (folder.path / "log").string() + "\n" + settings_);
    child_ = std::make_unique<Child>(
        std::vector<std::string>{"/usr/sbin/mosquitto", "-c", (folder.path / "mosquitto.conf").string()},
        STDERR_FILENO);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!answers()) {
      if (std::chrono::steady_clock::now() >= give_up) throw std::runtime_error("mosquitto does not listen");
      usleep(10'000);
    }
  }
  void stop() { child_->stop(SIGTERM); }
  void freeze() { child_->send(SIGSTOP); }
  void thaw() { child_->send(SIGCONT); }

  /// How many lines of the broker's log say so.
  [[nodiscard]] std::size_t logged(const std::string& text) const {
    std::ifstream log(folder.path / "log");
    std::size_t count = 0;
    for (std::string line; std::getline(log, line);)
      if (line.find(text) != std::string::npos) ++count;
    return count;
  }

  TemporaryFolder folder;
  const std::uint16_t port = free_port();

 private:
  [[nodiscard]] bool answers() const {
    const int probe = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected = connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    return connected;
  }

  std::string settings_;
  std::unique_ptr<Child> child_;
};

struct Received {
  std::string topic;
  std::string payload;
  std::string content_type;
  int qos = 0;
  bool retained = false;  ///< as published, or delivered from the broker's store
};

/// mosquitto_sub in a process of its own.
class Subscriber {
 public:
  Subscriber(const Mosquitto& broker, const std::string& filter, std::vector<std::string> more = {}) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    std::vector<std::string> command{"mosquitto_sub",
                                     "-V",
                                     "5",
                                     "-h",
                                     "127.0.0.1",
                                     "-p",
                                     std::to_string(broker.port),
                                     "-q",
                                     "1",
                                     "-t",
                                     filter,
                                     "--retain-as-published",
                                     "-F",
                                     "%t\\t%r\\t%q\\t%C\\t%p"};
    command.insert(command.end(), more.begin(), more.end());
    child_ = std::make_unique<Child>(std::move(command), ends[1]);
    close(ends[1]);
    output_ = ends[0];
    fcntl(output_, F_SETFL, O_NONBLOCK);
  }
  ~Subscriber() { close(output_); }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  /// All that came so far.
  const std::vector<Received>& messages() {
    char buffer[65536];
    for (ssize_t got = 0; (got = read(output_, buffer, sizeof buffer)) > 0;)
      text_.append(buffer, static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = text_.find('\n', parsed_)) != std::string::npos; parsed_ = end + 1)
      parse(text_.substr(parsed_, end - parsed_));
    return messages_;
  }
  std::vector<Received> on(const std::string& topic) {
    std::vector<Received> found;
    for (const Received& message : messages())
      if (message.topic == topic) found.push_back(message);
    return found;
  }

 private:
  void parse(const std::string& line) {
    std::istringstream fields(line);
    Received message;
    std::string retained, qos;
    std::getline(fields, message.topic, '\t');
    std::getline(fields, retained, '\t');
    std::getline(fields, qos, '\t');
    std::getline(fields, message.content_type, '\t');
    std::getline(fields, message.payload);
    message.retained = retained == "1" || retained == "retained";
    message.qos = std::stoi(qos);
    messages_.push_back(std::move(message));
  }

  std::unique_ptr<Child> child_;
  int output_ = -1;
  std::string text_;
  std::size_t parsed_ = 0;
  std::vector<Received> messages_;
};

}  // namespace flopwatt::test
