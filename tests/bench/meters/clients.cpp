// Two clients side by side, each reading many meters as fast as they answer: the program's own TCP
// connections, and the least that the kernel allows (epoll, send, recv). One process and one thread each,
// turn by turn against the same server, so that the machine's other work disturbs both alike.
//
//   clients METERS PORT ROUNDS SECONDS [own|raw]
//
// Prints reads a second and CPU time a read of each round, and the ratios with their spread.
#include <arpa/inet.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "addresses.h"
#include "drivers/modbus/wire/tcp_connection.h"
#include "runtime/async.h"

namespace {

using namespace flopwatt;
using namespace flopwatt::modbus;
using std::chrono::duration;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr ReadRequest sixty_registers{1, ReadFunction::input_registers, 0, 60};

struct Target {
  std::size_t meters = 0;
  std::uint16_t port = 0;
  seconds time{3};
};

struct Round {
  std::uint64_t reads = 0, failed = 0;
  double seconds = 0, cpu_seconds = 0;

  [[nodiscard]] double rate() const { return static_cast<double>(reads) / seconds; }
  [[nodiscard]] double cpu_us() const { return 1e6 * cpu_seconds / static_cast<double>(reads); }
};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Counts from when every meter has answered once, for the time asked for.
class Counter {
 public:
  explicit Counter(const Target& target) : target_(target) {}

  /// True: the time is over.
  bool count(std::uint64_t failed = 0) {
    ++seen_;
    round_.failed += failed;
    if (seen_ == 2 * target_.meters) {
      begin_ = steady_clock::now();
      cpu_at_begin_ = cpu_seconds();
    }
    if (seen_ <= 2 * target_.meters || seen_ % 64 != 0) return ended_;
    const duration<double> passed = steady_clock::now() - begin_;
    if (ended_ || passed < target_.time) return ended_;
    round_.reads = seen_ - 2 * target_.meters;
    round_.seconds = passed.count();
    round_.cpu_seconds = cpu_seconds() - cpu_at_begin_;
    return ended_ = true;
  }

  [[nodiscard]] const Round& round() const { return round_; }

 private:
  const Target target_;
  Round round_;
  std::uint64_t seen_ = 0;
  steady_clock::time_point begin_;
  double cpu_at_begin_ = 0;
  bool ended_ = false;
};

// --- the program's own ---

awaitable<void> read_on(Connection& connection, Counter& counter) {
  const ReadOptions options;
  for (bool over = false; !over;) {
    const auto answer = co_await connection.read(sixty_registers, options);
    over = counter.count(answer ? 0 : 1);
  }
}

awaitable<void> read_watched(Connection& connection, Counter& counter) {
  std::vector<awaitable<void>> tasks;
  tasks.push_back(connection.watch());
  tasks.push_back(read_on(connection, counter));
  co_await run_until_first_ends(std::move(tasks));
}

void rethrow(const std::exception_ptr& failure) {
  if (failure) std::rethrow_exception(failure);
}

Round own_round(const Target& target) {
  Counter counter(target);
  asio::io_context io{1};
  std::vector<std::unique_ptr<Connection>> connections;
  for (std::size_t i = 0; i < target.meters; ++i) {
    const in_addr address = bench::meter_address(i, target.port).sin_addr;
    connections.push_back(
        make_connection(io.get_executor(), {inet_ntoa(address), target.port, Transport::tcp}, {}));
    asio::co_spawn(io, read_watched(*connections.back(), counter), rethrow);
  }
  io.run();
  return counter.round();
}

// --- the least ---

struct RawMeter {
  int descriptor = -1;
  std::uint16_t transaction = 0;
};

void ask(RawMeter& meter) {
  const std::uint16_t id = ++meter.transaction;
  const std::array<std::uint8_t, 12> request{
      static_cast<std::uint8_t>(id >> 8), static_cast<std::uint8_t>(id), 0, 0, 0, 6, 1, 4, 0, 0, 0, 60};
  if (send(meter.descriptor, request.data(), request.size(), MSG_NOSIGNAL) != 12) std::abort();
}

bool is_answer(const RawMeter& meter, const std::array<std::uint8_t, 260>& frame, ssize_t size) {
  return size == 129 && (frame[0] << 8 | frame[1]) == meter.transaction && frame[5] == 123 && frame[7] == 4;
}

Round raw_round(const Target& target) {
  Counter counter(target);
  const int epoll = epoll_create1(0);
  std::vector<RawMeter> meters(target.meters);
  for (std::size_t i = 0; i < target.meters; ++i) {
    RawMeter& meter = meters[i];
    meter.descriptor = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = bench::meter_address(i, target.port);
    if (connect(meter.descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
    bench::set_no_delay(meter.descriptor);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &meter;
    epoll_ctl(epoll, EPOLL_CTL_ADD, meter.descriptor, &event);
    ask(meter);
  }
  std::array<epoll_event, 128> events{};
  for (bool over = false; !over;) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready && !over; ++i) {
      RawMeter& meter = *static_cast<RawMeter*>(events[static_cast<std::size_t>(i)].data.ptr);
      std::array<std::uint8_t, 260> frame;
      const ssize_t size = recv(meter.descriptor, frame.data(), frame.size(), 0);
      over = counter.count(is_answer(meter, frame, size) ? 0 : 1);
      ask(meter);
    }
  }
  for (const RawMeter& meter : meters) close(meter.descriptor);
  close(epoll);
  return counter.round();
}

void print(const char* name, const Round& round) {
  std::printf("  %s: %7.0f reads/s, %.2f us CPU a read, %llu failed\n", name, round.rate(), round.cpu_us(),
              static_cast<unsigned long long>(round.failed));
  std::fflush(stdout);
}

void print_spread(const char* what, std::vector<double> ratios) {
  std::ranges::sort(ratios);
  std::printf("%s: %.0f %% (%.0f to %.0f)\n", what, 100 * ratios[ratios.size() / 2], 100 * ratios.front(),
              100 * ratios.back());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: clients METERS PORT ROUNDS SECONDS [own|raw]\n", stderr);
    return 2;
  }
  bench::raise_descriptor_limit();
  const Target target{std::stoul(argv[1]), static_cast<std::uint16_t>(std::stoul(argv[2])),
                      seconds(std::stol(argv[4]))};
  const std::string only = argc > 5 ? argv[5] : "";
  std::vector<double> rates, costs;
  for (int i = std::atoi(argv[3]); i > 0; --i) {
    Round own, raw;
    if (only != "raw") print("own", own = own_round(target));
    if (only != "own") print("raw", raw = raw_round(target));
    if (!only.empty()) continue;
    rates.push_back(own.rate() / raw.rate());
    costs.push_back(raw.cpu_us() / own.cpu_us());
  }
  if (!only.empty()) return 0;
  print_spread("reads a second, own / raw", rates);
  print_spread("CPU time a read, raw / own", costs);
}
