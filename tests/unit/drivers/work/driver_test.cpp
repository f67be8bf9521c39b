#include "drivers/work/driver.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "drivers/work/socket.h"
#include "fake_intake.h"
#include "runtime/async.h"

using namespace flopwatt;
using namespace flopwatt::work;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("flopwatt-statsd-" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] StatsdConfig socket(const std::string& name = "work.sock") const {
    StatsdConfig config;
    config.kind = StatsdConfig::Kind::unix_datagram;
    config.path = path_ / name;
    return config;
  }

 private:
  fs::path path_;
};

/// A port that nobody receives on.
StatsdConfig udp(const std::string& host = "127.0.0.1") {
  boost::asio::io_context io;
  const boost::asio::ip::udp::endpoint any(boost::asio::ip::make_address(host), 0);
  StatsdConfig config;
  config.host = host;
  config.port = boost::asio::ip::udp::socket(io, any).local_endpoint().port();
  return config;
}

/// A sender on that address family.
class Sender {
 public:
  explicit Sender(const StatsdConfig& to) {
    if (to.kind == StatsdConfig::Kind::unix_datagram) {
      auto& address = reinterpret_cast<sockaddr_un&>(address_);
      address.sun_family = AF_UNIX;
      std::strcpy(address.sun_path, to.path.c_str());
      size_ = sizeof address;
    } else if (to.host.find(':') != std::string::npos) {
      auto& address = reinterpret_cast<sockaddr_in6&>(address_);
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(to.port);
      ::inet_pton(AF_INET6, to.host.c_str(), &address.sin6_addr);
      size_ = sizeof address;
    } else {
      auto& address = reinterpret_cast<sockaddr_in&>(address_);
      address.sin_family = AF_INET;
      address.sin_port = htons(to.port);
      ::inet_pton(AF_INET, to.host.c_str(), &address.sin_addr);
      size_ = sizeof address;
    }
    descriptor_ = ::socket(address_.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  }
  ~Sender() { ::close(descriptor_); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  bool send(const std::string& text) {
    return ::sendto(descriptor_, text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&address_),
                    size_) >= 0;
  }

 private:
  sockaddr_storage address_{};
  socklen_t size_ = 0;
  int descriptor_ = -1;
};

struct NoIntake final : Intake {
  SourceId add(SourcePtr) override { return 0; }
  void describe(SourceId, SourcePtr) override {}
  void accept(SourceId, ReadingSet, std::chrono::microseconds, std::chrono::microseconds) override {}
  void fail(SourceId, Fault, std::chrono::microseconds, std::chrono::microseconds) override {}
  void remove(SourceId) override {}
  void skip(SourceId, std::uint64_t) override {}
};

/// Runs the driver on a loop of this thread, as long as it is waited for something.
struct Bench {
  explicit Bench(std::vector<StatsdConfig> sockets) {
    Config config;
    config.work.statsd = std::move(sockets);
    driver = make_driver(config, intake);
    asio::co_spawn(io, driver->run(no_intake),
                   asio::bind_cancellation_slot(cancel.slot(), [this](std::exception_ptr) { ended = true; }));
  }
  ~Bench() {
    cancel.emit(asio::cancellation_type::terminal);
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!ended && std::chrono::steady_clock::now() < deadline) io.run_for(10ms);
    CHECK(ended);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  template <class Condition>
  bool run_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (std::chrono::steady_clock::now() < deadline) {
      if (condition()) return true;
      io.run_one_for(10ms);
    }
    return false;
  }
  [[nodiscard]] std::uint64_t refused(std::string_view reason) const {
    for (const MetricFamily& family : driver->metric_families())
      for (const MetricFamily::Sample& sample : family.samples)
        if (sample.labels[0].value == reason) return static_cast<std::uint64_t>(sample.value);
    return 0;
  }

  asio::io_context io;
  FakeIntake intake;
  NoIntake no_intake;
  asio::cancellation_signal cancel;
  bool ended = false;
  std::unique_ptr<WorkDriver> driver;
};

std::string open_fault(const StatsdConfig& config) {
  asio::io_context io;
  const auto opened = open_socket(io.get_executor(), config);
  return opened ? "" : opened.error().message;
}

const std::string line = "flop:1|c|#accelerator:nvidia0";

}  // namespace

TEST_CASE("lines come over a unix socket, UDP and UDP over IPv6") {
  const Folder folder;
  for (const StatsdConfig& socket : {folder.socket(), udp(), udp("::1")}) {
    CAPTURE(socket.text());
    Bench bench({socket});
    Sender sender(socket);
    CHECK(bench.run_until([&] {
      sender.send(line + "\n" + line + "\nnonsense\n");  // again and again: UDP does not tell who listens
      return bench.refused("syntax") > 0;
    }));
    CHECK(bench.intake.of("nvidia0") == 2 * static_cast<double>(bench.refused("syntax")));
  }
  CHECK_FALSE(fs::exists(folder.socket().path));
}

TEST_CASE("the socket has the mode and the group that are configured") {
  const Folder folder;
  StatsdConfig config = folder.socket();
  config.mode = 0606;
  config.group = ::getgrgid(::getgid())->gr_name;
  asio::io_context io;
  {
    const auto opened = open_socket(io.get_executor(), config);
    REQUIRE(opened);
    struct stat status {};
    REQUIRE(::lstat(config.path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0606U);
    CHECK(status.st_gid == ::getgid());
  }
  CHECK_FALSE(fs::exists(config.path));
  config.group = "no-such-group";
  CHECK(open_fault(config).find("there is no group 'no-such-group'; create it") != std::string::npos);
  CHECK_FALSE(fs::exists(config.path));
}

TEST_CASE("what a dead agent left is replaced; what lives, or is no socket, is not touched") {
  const Folder folder;
  const StatsdConfig config = folder.socket();
  SUBCASE("dead") {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strcpy(address.sun_path, config.path.c_str());
    const int dead = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    REQUIRE(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(open_fault(config).find("another program receives there; stop it") != std::string::npos);
    ::close(dead);
    CHECK(fs::exists(config.path));
    CHECK(open_fault(config).empty());
  }
  SUBCASE("no socket") {
    std::ofstream(config.path) << "mine";
    CHECK(open_fault(config).find("a file that is no socket is there; remove it") != std::string::npos);
    CHECK(fs::file_size(config.path) == 4);
  }
  SUBCASE("no folder") {
    CHECK(open_fault(folder.socket("run/work.sock")).find("is not there; create it") != std::string::npos);
  }
}

TEST_CASE("a port that is taken, an address of another machine") {
  asio::io_context io;
  StatsdConfig config = udp();
  const auto first = open_socket(io.get_executor(), config);
  REQUIRE(first);
  CHECK(open_fault(config).find("another program receives there") != std::string::npos);
  config.host = "203.0.113.1";
  CHECK(open_fault(config).find("this machine has no such address") != std::string::npos);
}

TEST_CASE("a file that took the socket's place is not removed with it") {
  const Folder folder;
  const StatsdConfig config = folder.socket();
  asio::io_context io;
  {
    const auto opened = open_socket(io.get_executor(), config);
    REQUIRE(opened);
    fs::remove(config.path);
    std::ofstream(config.path) << "another";
  }
  CHECK(fs::exists(config.path));
}

TEST_CASE("a reload opens and closes only what changed, and forgets no count and no running total") {
  const Folder folder;
  const StatsdConfig stays = folder.socket(), goes = folder.socket("goes.sock"), comes = udp();
  Bench bench({stays, goes});
  Sender sender(stays);
  const auto total = [&](int flop) { return "flop:" + std::to_string(flop) + "|g|#accelerator:nvidia0"; };
  REQUIRE(bench.run_until([&] { return sender.send(total(100)); }));
  REQUIRE(bench.run_until([&] { return bench.intake.lines == 1 && fs::exists(goes.path); }));
  sender.send("nonsense");
  REQUIRE(bench.run_until([&] { return bench.refused("syntax") == 1; }));
  struct stat before {
  }, after{};
  REQUIRE(::lstat(stays.path.c_str(), &before) == 0);

  bench.driver->apply({{stays, comes}});
  sender.send(total(103));  // before the driver has looked: the kernel keeps it
  REQUIRE(bench.run_until([&] { return bench.intake.of("nvidia0") == 3; }));
  CHECK(bench.run_until([&] { return !fs::exists(goes.path); }));
  REQUIRE(::lstat(stays.path.c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
  Sender other(comes);
  other.send(total(110));
  CHECK(bench.run_until([&] { return bench.intake.of("nvidia0") == 10; }));
  CHECK(bench.refused("syntax") == 1);

  bench.driver->apply({});
  CHECK(bench.run_until([&] { return !fs::exists(stays.path); }));
  CHECK(bench.driver->metric_families().empty());
}

TEST_CASE("refused lines are shown by reason, every reason from the start") {
  const Folder folder;
  const Bench bench({folder.socket()});
  const std::vector<MetricFamily> families = bench.driver->metric_families();
  REQUIRE(families.size() == 1);
  CHECK(families[0].name == "flopwatt_work_rejected_lines_total");
  CHECK(families[0].type == MetricFamily::Type::counter);
  std::string reasons;
  for (const MetricFamily::Sample& sample : families[0].samples) {
    REQUIRE(sample.labels.size() == 1);
    CHECK(sample.labels[0].name == "reason");
    CHECK(sample.value == 0);
    reasons += sample.labels[0].value + ' ';
  }
  CHECK(reasons == "syntax sampling_rate not_finite negative target budget overflow foreign ");
}

TEST_CASE("a datagram that is too large counts up to where it was cut") {
  const Folder folder;
  Bench bench({folder.socket()});
  Sender sender(folder.socket());
  std::string many;
  while (many.size() < 70'000) many += line + "\n";
  REQUIRE(bench.run_until([&] { return sender.send(many); }));
  REQUIRE(bench.run_until([&] { return bench.refused("overflow") == 1; }));
  CHECK(bench.intake.of("nvidia0") == 65536 / (line.size() + 1));
}

TEST_CASE("a flood is taken in portions, between which everything else has its turn") {
  const StatsdConfig config = udp();
  Bench bench({config});
  Sender sender(config);
  REQUIRE(bench.run_until([&] {
    sender.send(line);
    return bench.intake.lines > 0;
  }));
  const auto taken = [&] { return bench.intake.lines; };
  std::size_t before = taken();
  for (int i = 0; i < 200; ++i) REQUIRE(sender.send(line));
  std::vector<std::size_t> portions;
  while (bench.io.run_one_for(200ms) > 0) {
    if (taken() != before) portions.push_back(taken() - before);
    before = taken();
  }
  CHECK(portions.size() >= 4);
  for (const std::size_t portion : portions) CHECK(portion <= 64);
}
