// A serial line with devices on it, at the speed of a real one: a pseudo-terminal on which bytes go no faster
// than the baud rate in both directions, and whose devices answer after a fixed latency. Any unit answers;
// register n and the one behind it hold the float 100 + n.
//
//   paced_line BAUD BITS_A_CHARACTER LATENCY_US     first line: the path of the line
//
// Commands, one a line on standard input; it ends with its input:
//   reset     forget the counts
//   report    one JSON line: requests answered since the reset, the time between the first and the last of
//             them, the time that they take on a line that is never idle (see ideal_time), the measured byte
//             time
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <thread>

#include "drivers/modbus/wire/rtu.h"

namespace {

using namespace flopwatt::modbus;
using namespace std::chrono_literals;
using std::chrono::duration;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr double slowest_fixed_silence_baud = 19200;

class Line {
 public:
  Line(double baud, double bits, std::chrono::microseconds latency)
      : byte_time_(1e9 * bits / baud),
        silence_(baud > slowest_fixed_silence_baud ? 1750e3 : 3.5 * 11e9 / baud),
        latency_(latency) {
    std::array<char, 128> name{};
    if (openpty(&devices_, &master_, name.data(), nullptr, nullptr) != 0) std::abort();
    termios raw{};
    tcgetattr(master_, &raw);
    cfmakeraw(&raw);
    tcsetattr(master_, TCSANOW, &raw);
    std::puts(name.data());
    std::fflush(stdout);
  }

  void run() {
    while (!ended_) {
      std::array<pollfd, 2> watched{{{devices_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
      poll(watched.data(), watched.size(), -1);
      if (watched[0].revents != 0) serve();
      if (watched[1].revents != 0) obey();
    }
  }

 private:
  using Nanoseconds = duration<double, std::nano>;

  void serve() {
    const auto begin = steady_clock::now();
    std::array<std::uint8_t, rtu_request_size> request{};
    for (std::size_t size = 0; size < request.size();) {
      const ssize_t count = read(devices_, request.data() + size, request.size() - size);
      if (count <= 0) return;
      size += static_cast<std::size_t>(count);
    }
    if (!has_good_checksum(request)) return;
    if (requests_ == 0) first_ = begin;
    const std::size_t registers = request[5];
    answer(request, registers, begin + to_clock(rtu_request_size * byte_time_ + silence_) + latency_);
    last_ = steady_clock::now();
    ++requests_;
    bytes_ += static_cast<double>(rtu_request_size + 5 + 2 * registers);
  }

  void answer(std::span<const std::uint8_t, rtu_request_size> request, std::size_t registers,
              steady_clock::time_point begin) {
    std::array<std::uint8_t, max_rtu_frame_size> frame{request[0], request[1],
                                                       static_cast<std::uint8_t>(2 * registers)};
    const std::size_t address = static_cast<std::size_t>(request[2] << 8 | request[3]);
    for (std::size_t i = 0; i < registers; ++i) {
      const auto bits =
          std::bit_cast<std::uint32_t>(100.0F + static_cast<float>((address + i) & ~std::size_t{1}));
      const std::uint32_t word = (address + i) % 2 == 0 ? bits >> 16 : bits & 0xFFFF;
      frame[3 + 2 * i] = static_cast<std::uint8_t>(word >> 8);
      frame[4 + 2 * i] = static_cast<std::uint8_t>(word);
    }
    const std::size_t body = 3 + 2 * registers;
    const std::uint16_t sum = checksum(std::span(frame).first(body));
    frame[body] = static_cast<std::uint8_t>(sum);
    frame[body + 1] = static_cast<std::uint8_t>(sum >> 8);
    // A byte is there when its last bit is; never sooner than its time after the one before.
    auto byte_begins = wait_until(begin);
    const auto answer_begins = byte_begins;
    for (const std::uint8_t byte : std::span(frame).first(body + 2)) {
      byte_begins = wait_until(byte_begins + to_clock(byte_time_));
      if (write(devices_, &byte, 1) != 1) return;
    }
    answer_time_ += byte_begins - answer_begins;
    answer_bytes_ += static_cast<double>(body + 2);
  }

  // Sleeps, but for the last part of the way: a sleep ends too late for a byte at 115200 baud.
  static steady_clock::time_point wait_until(steady_clock::time_point when) {
    if (const auto left = when - steady_clock::now(); left > 150us) std::this_thread::sleep_for(left - 120us);
    auto now = steady_clock::now();
    while (now < when) now = steady_clock::now();
    return now;
  }

  static nanoseconds to_clock(Nanoseconds time) { return std::chrono::duration_cast<nanoseconds>(time); }

  [[nodiscard]] Nanoseconds measured_byte_time() const {
    return answer_bytes_ > 0 ? answer_time_ / answer_bytes_ : byte_time_;
  }

  // For each read: silence, request, silence, latency, answer; counted from the first request's first byte.
  [[nodiscard]] Nanoseconds ideal_time() const {
    return static_cast<double>(requests_) * (2 * silence_ + latency_) - silence_ +
           bytes_ * measured_byte_time();
  }

  void obey() {
    std::array<char, 64> text{};
    const ssize_t count = read(STDIN_FILENO, text.data(), text.size());
    if (count <= 0) {
      ended_ = true;
      return;
    }
    const std::string command(text.data(), static_cast<std::size_t>(count));
    if (command.find("reset") != std::string::npos) {
      requests_ = 0;
      bytes_ = answer_bytes_ = 0;
      answer_time_ = {};
    }
    if (command.find("report") == std::string::npos) return;
    std::printf(
        "{\"requests\": %llu, \"seconds\": %.6f, \"ideal_seconds\": %.6f, \"byte_us\": %.2f, "
        "\"nominal_byte_us\": %.2f}\n",
        static_cast<unsigned long long>(requests_), duration<double>(last_ - first_).count(),
        duration<double>(ideal_time()).count(), 1e-3 * measured_byte_time().count(),
        1e-3 * byte_time_.count());
    std::fflush(stdout);
  }

  const Nanoseconds byte_time_, silence_;
  const std::chrono::microseconds latency_;
  int devices_ = -1, master_ = -1;  // the second is kept open, so that the line outlives who opens it
  std::uint64_t requests_ = 0;
  double bytes_ = 0;  // of requests and answers
  double answer_bytes_ = 0;
  Nanoseconds answer_time_{};
  steady_clock::time_point first_, last_;
  bool ended_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: paced_line BAUD BITS_A_CHARACTER LATENCY_US\n", stderr);
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1);
  Line(std::stod(argv[1]), std::stod(argv[2]), std::chrono::microseconds(std::stol(argv[3]))).run();
}
