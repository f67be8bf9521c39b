// A serial line with devices on it that answer as a test says: a pair of pseudo-terminals, and a link to it
// under a name that stays, as udev makes them.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pty.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "rtu_frames.h"
#include "scripted_meter.h"

namespace flopwatt::modbus_test {

/// Both ends; the devices' end is `master`.
struct Pty {
  Pty() {
    std::array<char, 128> buffer{};
    REQUIRE(openpty(&master, &slave, buffer.data(), nullptr, nullptr) == 0);
    termios raw{};
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    name = buffer.data();
  }
  ~Pty() {
    ::close(slave);
    if (master >= 0) ::close(master);
  }
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;

  int master = -1, slave = -1;
  std::string name;
};

class RtuLine {
 public:
  using Script = std::function<Act(const Asked&)>;

  RtuLine(asio::io_context& io, Script script) : io_(io), script_(std::move(script)) {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("flopwatt-line-" + std::to_string(getpid()) + "-" + std::to_string(++number));
    plug_in();
  }
  ~RtuLine() { unplug(); }
  RtuLine(const RtuLine&) = delete;
  RtuLine& operator=(const RtuLine&) = delete;

  ModbusAddress address() const { return {path_.string(), 0, Transport::rtu}; }
  int requests() const { return *requests_; }

  /// The adapter's name leads to a new line.
  void plug_in() {
    pty_ = std::make_unique<Pty>();
    std::filesystem::remove(path_);
    std::filesystem::create_symlink(pty_->name, path_);
    auto device = std::make_shared<Device>(io_.get_executor(), ::dup(pty_->master));
    devices_ = device;
    asio::co_spawn(io_, listen(std::move(device), script_, requests_), keep);
  }
  /// Gone, with a hang-up.
  void unplug() {
    std::filesystem::remove(path_);
    if (const auto device = devices_.lock()) device->close();
    pty_.reset();
  }
  /// The name leads elsewhere, the old line stays and is silent.
  std::unique_ptr<Pty> replace() {
    if (const auto device = devices_.lock()) device->close();
    auto old = std::move(pty_);
    plug_in();
    return old;
  }

 private:
  using Device = asio::posix::stream_descriptor;
  using Shared = std::shared_ptr<Device>;

  static void keep(const std::exception_ptr& failure) {
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const boost::system::system_error&) {
    }
  }

  static awaitable<void> listen(Shared device, Script script, std::shared_ptr<int> requests) {
    for (;;) {
      std::array<std::uint8_t, 8> bytes{};
      co_await asio::async_read(*device, asio::buffer(bytes), asio::use_awaitable);
      const auto word = [&](std::size_t at) {
        return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
      };
      const Bytes body(bytes.begin(), bytes.begin() + 6);
      CHECK(rtu_frame(body) == Bytes(bytes.begin(), bytes.end()));
      const Act act = script({0, bytes[0], bytes[1], word(2), word(4), 1, ++*requests});
      asio::co_spawn(device->get_executor(), perform(device, act), keep);
    }
  }

  static awaitable<void> perform(Shared device, Act act) {
    asio::steady_timer timer(device->get_executor(), act.after);
    co_await timer.async_wait(asio::use_awaitable);
    const std::size_t piece = act.between_bytes.count() > 0 ? 1 : act.bytes.size();
    for (std::size_t sent = 0; sent < act.bytes.size(); sent += piece) {
      co_await asio::async_write(*device, asio::buffer(act.bytes.data() + sent, piece), asio::use_awaitable);
      if (act.between_bytes.count() == 0) continue;
      timer.expires_after(act.between_bytes);
      co_await timer.async_wait(asio::use_awaitable);
    }
  }

  asio::io_context& io_;
  Script script_;
  std::shared_ptr<int> requests_ = std::make_shared<int>(0);
  std::filesystem::path path_;
  std::unique_ptr<Pty> pty_;
  std::weak_ptr<Device> devices_;
};

/// Every register holds `value`.
inline Act rtu_answers(const Asked& asked, std::uint16_t value) {
  return {.bytes = rtu_answer(asked.unit, asked.function, std::vector<std::uint16_t>(asked.count, value))};
}

}  // namespace flopwatt::modbus_test
