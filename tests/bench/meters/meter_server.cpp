// Plays many Modbus TCP meters for the benches: one process, one thread, epoll, so that the cost of the
// meters is separate from the cost of reading them. Meter i listens at 127.1.<i / 250>.<1 + i % 250>; dead
// ones accept and never answer.
//
//   meter_server METERS DEAD PORT [spin]     dead ones are spread evenly; first line: "ready"
//
// With `spin` it never sleeps: a client that is slower than this server would else pay for waking it with
// every request, and one that is faster would not.
//
// Commands, one a line on standard input; it ends with its input:
//   reset     forget the measurements
//   report    one JSON line on the requests since the reset: requests to healthy meters, the fewest and the
//             most to one of them, their lateness (from the newest beat of the meter's bus, which moves:
//             meter i is bus i of a configuration with an interval of 1 s), and the CPU time of this process
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "addresses.h"
#include "runtime/schedule.h"

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t request_size = 12;
constexpr std::size_t answer_header_size = 9;  // with unit, function and byte count
constexpr std::size_t max_registers = 125;

struct Meter {
  std::size_t number = 0;
  bool dead = false;
  std::uint64_t requests = 0;
  std::optional<flopwatt::Schedule> beats{};  // none while dead
};

// A listener, or a connection.
struct Peer {
  Meter* meter = nullptr;
  int descriptor = -1;
  bool listens = false;
  std::array<std::uint8_t, 4 * request_size> bytes{};
  std::size_t size = 0;
};

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return in_seconds(use.ru_utime) + in_seconds(use.ru_stime);
}

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

// What all meters hold: every two registers are a float, all of which change each second; the first two are
// kWh that grow as 1 kW makes them grow.
class Registers {
 public:
  [[nodiscard]] const std::uint8_t* at(std::size_t address, steady_clock::time_point now) {
    const auto second = duration_cast<seconds>(now.time_since_epoch()).count();
    if (second != second_) fill(second);
    return bytes_.data() + 2 * address;
  }

 private:
  void fill(std::int64_t second) {
    second_ = second;
    for (std::size_t i = 0; i < max_registers; ++i) {
      const double value = i == 0 ? 1000 + static_cast<double>(second % 1'000'000) / 3600
                                  : 100 + static_cast<double>(i) + 0.1 * static_cast<double>(second % 7);
      const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
      for (std::size_t byte = 0; byte < 4; ++byte)
        bytes_[4 * i + byte] = static_cast<std::uint8_t>(bits >> (24 - 8 * byte));
    }
  }

  std::array<std::uint8_t, 4 * max_registers> bytes_{};
  std::int64_t second_ = -1;
};

class Server {
 public:
  Server(std::size_t meters, std::size_t dead, std::uint16_t port, bool spins)
      : meters_(meters), spins_(spins) {
    for (std::size_t i = 0; i < meters; ++i) {
      meters_[i].number = i;
      meters_[i].dead = (i + 1) * dead / meters > i * dead / meters;
      if (!meters_[i].dead)
        meters_[i].beats.emplace(seconds(1), flopwatt::slot_offset(i), flopwatt::Pace::moving,
                                 steady_clock::now() - seconds(2));
      listen(meters_[i], port);
    }
    watch(&commands_);
  }

  void run() {
    std::array<epoll_event, 256> events{};
    while (!ended_) {
      const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), spins_ ? 0 : -1);
      for (int i = 0; i < ready; ++i) {
        Peer& peer = *static_cast<Peer*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (&peer == &commands_)
          obey();
        else if (peer.listens)
          accept(peer);
        else
          serve(peer);
      }
    }
  }

 private:
  void watch(Peer* peer) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = peer;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, peer->descriptor, &event) != 0) give_up("epoll_ctl");
  }

  void listen(Meter& meter, std::uint16_t port) {
    sockaddr_in address = bench::meter_address(meter.number, port);
    const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up("bind");
    if (::listen(descriptor, 16) != 0) give_up("listen");
    listeners_.push_back(std::make_unique<Peer>(Peer{&meter, descriptor, true}));
    watch(listeners_.back().get());
  }

  void accept(const Peer& listener) {
    const int descriptor = ::accept4(listener.descriptor, nullptr, nullptr, SOCK_NONBLOCK);
    if (descriptor < 0) return;
    bench::set_no_delay(descriptor);
    watch(new Peer{listener.meter, descriptor});  // NOLINT: epoll owns it until serve() ends it
  }

  void serve(Peer& peer) {
    const auto count = recv(peer.descriptor, peer.bytes.data() + peer.size, peer.bytes.size() - peer.size, 0);
    if (count <= 0) {
      close(peer.descriptor);
      delete &peer;  // NOLINT: see accept()
      return;
    }
    peer.size += static_cast<std::size_t>(count);
    const auto now = steady_clock::now();
    std::size_t used = 0;
    for (; peer.size - used >= request_size; used += request_size)
      if (!peer.meter->dead) answer(peer, std::span(peer.bytes).subspan(used).first<request_size>(), now);
    std::copy(peer.bytes.begin() + static_cast<std::ptrdiff_t>(used),
              peer.bytes.begin() + static_cast<std::ptrdiff_t>(peer.size), peer.bytes.begin());
    peer.size -= used;
  }

  void answer(Peer& peer, std::span<const std::uint8_t, request_size> request, steady_clock::time_point now) {
    ++peer.meter->requests;
    if (lateness_us_.size() < lateness_us_.capacity()) {
      peer.meter->beats->catch_up(now);
      const auto late = now - peer.meter->beats->due();
      lateness_us_.push_back(static_cast<std::uint32_t>(duration_cast<microseconds>(late).count()));
    }
    const std::size_t address = static_cast<std::size_t>(request[8] << 8 | request[9]) % max_registers;
    const std::size_t bytes = 2 * std::min<std::size_t>(request[11], max_registers);
    std::array<std::uint8_t, answer_header_size + 2 * max_registers> frame{
        request[0], request[1], 0,
        0,          0,          static_cast<std::uint8_t>(bytes + 3),
        request[6], request[7], static_cast<std::uint8_t>(bytes)};
    std::copy_n(registers_.at(address, now), bytes, frame.data() + answer_header_size);
    send(peer.descriptor, frame.data(), answer_header_size + bytes, MSG_NOSIGNAL);
  }

  void obey() {
    std::array<char, 64> text{};
    const auto count = read(STDIN_FILENO, text.data(), text.size());
    if (count <= 0) {
      ended_ = true;
      return;
    }
    const std::string commands(text.data(), static_cast<std::size_t>(count));
    if (commands.find("reset") != std::string::npos) reset();
    if (commands.find("report") != std::string::npos) report();
  }

  void reset() {
    for (Meter& meter : meters_) meter.requests = 0;
    lateness_us_.clear();
    cpu_at_reset_ = cpu_seconds();
  }

  void report() {
    std::uint64_t requests = 0, fewest = UINT64_MAX, most = 0;
    for (const Meter& meter : meters_) {
      if (meter.dead) continue;
      requests += meter.requests;
      fewest = std::min(fewest, meter.requests);
      most = std::max(most, meter.requests);
    }
    std::ranges::sort(lateness_us_);
    const auto quantile = [&](double part) {
      if (lateness_us_.empty()) return 0.0;
      return 1e-3 *
             lateness_us_[static_cast<std::size_t>(part * static_cast<double>(lateness_us_.size() - 1))];
    };
    std::printf(
        "{\"requests\": %llu, \"fewest\": %llu, \"most\": %llu, \"late_p50_ms\": %.3f, "
        "\"late_p99_ms\": %.3f, \"late_max_ms\": %.3f, \"cpu_s\": %.3f}\n",
        static_cast<unsigned long long>(requests), static_cast<unsigned long long>(fewest),
        static_cast<unsigned long long>(most), quantile(0.5), quantile(0.99), quantile(1),
        cpu_seconds() - cpu_at_reset_);
    std::fflush(stdout);
  }

  int epoll_ = epoll_create1(0);
  std::vector<Meter> meters_;
  bool spins_;
  std::vector<std::unique_ptr<Peer>> listeners_;
  Peer commands_{nullptr, STDIN_FILENO};
  Registers registers_;
  std::vector<std::uint32_t> lateness_us_ = with_room();
  double cpu_at_reset_ = 0;
  bool ended_ = false;

  static std::vector<std::uint32_t> with_room() {
    std::vector<std::uint32_t> samples;
    samples.reserve(1'000'000);
    return samples;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: meter_server METERS DEAD PORT [spin]\n", stderr);
    return 2;
  }
  bench::raise_descriptor_limit();
  Server server(std::stoul(argv[1]), std::stoul(argv[2]), static_cast<std::uint16_t>(std::stoul(argv[3])),
                argc > 4);
  std::puts("ready");
  std::fflush(stdout);
  server.run();
}
