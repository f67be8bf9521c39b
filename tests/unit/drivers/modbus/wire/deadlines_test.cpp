#include "drivers/modbus/wire/deadlines.h"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <exception>

#include "runtime/async.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

// What a connection has of it: a wait for a socket, here of none, that a deadline ends.
struct Exchange {
  Readable readable;
  Deadline deadline;
  SteadyTime woken{};

  explicit Exchange(asio::io_context& io)
      : readable(io.get_executor()), deadline(io.get_executor(), readable) {}

  awaitable<void> wait() {
    while (!deadline.passed()) co_await readable.wait();
    woken = steady_clock::now();
  }
};

struct Loop {
  asio::io_context io{1};
  std::deque<Exchange> exchanges;
  asio::cancellation_signal stop;
  bool stopped = false;

  explicit Loop(std::size_t count) {
    while (exchanges.size() < count) exchanges.emplace_back(io);
  }
  ~Loop() { io.stop(); }

  void watch(Exchange& one) {
    asio::co_spawn(
        io, one.deadline.watch(),
        asio::bind_cancellation_slot(stop.slot(), [this](const std::exception_ptr&) { stopped = true; }));
    io.poll();
  }
  void wait(Exchange& one) {
    asio::co_spawn(io, one.wait(), [](const std::exception_ptr&) {});
  }
};

}  // namespace

TEST_CASE("each deadline passes at its time, in whatever order they began") {
  Loop loop(4);
  loop.watch(loop.exchanges[0]);
  const SteadyTime begin = steady_clock::now();
  const std::array after = {240ms, 60ms, 360ms, 60ms};
  for (std::size_t i = 0; i < after.size(); ++i) {
    loop.exchanges[i].deadline.begin(begin + after.at(i));
    loop.wait(loop.exchanges[i]);
  }
  loop.io.run_for(600ms);
  for (std::size_t i = 0; i < after.size(); ++i) {
    const auto took = loop.exchanges[i].woken - begin;
    CHECK(took >= after.at(i));
    CHECK(took < after.at(i) + 100ms);
  }
}

TEST_CASE("a transaction that ended does not time out, nor does the next one at the deadline before") {
  Loop loop(2);
  loop.watch(loop.exchanges[0]);
  const SteadyTime begin = steady_clock::now();
  for (Exchange& one : loop.exchanges) one.deadline.begin(begin + 20ms);
  for (Exchange& one : loop.exchanges) one.deadline.end();
  loop.exchanges[1].deadline.begin(begin + 60ms);
  loop.wait(loop.exchanges[1]);
  loop.io.run_for(200ms);
  CHECK_FALSE(loop.exchanges[0].deadline.passed());
  CHECK(loop.exchanges[1].woken - begin >= 60ms);
  CHECK(loop.exchanges[1].woken - begin < 160ms);
  loop.exchanges[1].deadline.begin(steady_clock::now() + 1s);
  CHECK_FALSE(loop.exchanges[1].deadline.passed());
}

TEST_CASE("transactions that were answered cost one wake-up together, not one each") {
  Loop loop(100);
  loop.watch(loop.exchanges[0]);
  const SteadyTime begin = steady_clock::now();
  for (std::size_t i = 0; i < loop.exchanges.size(); ++i) {
    loop.exchanges[i].deadline.begin(begin + 20ms + i * 200us);
    loop.exchanges[i].deadline.end();
  }
  CHECK(loop.io.run_for(80ms) == 1);
}

TEST_CASE("a loop that nothing watches any more ends, though a transaction is open") {
  Loop loop(1);
  loop.watch(loop.exchanges[0]);
  loop.exchanges[0].deadline.begin(steady_clock::now() + 10s);
  loop.stop.emit(asio::cancellation_type::terminal);
  const SteadyTime begin = steady_clock::now();
  loop.io.run_for(5s);
  CHECK(loop.stopped);
  CHECK(steady_clock::now() - begin < 1s);
}

TEST_CASE("a transaction that began before the watch passes at its time") {
  Loop loop(1);
  const SteadyTime begin = steady_clock::now();
  loop.exchanges[0].deadline.begin(begin + 40ms);
  loop.watch(loop.exchanges[0]);
  loop.wait(loop.exchanges[0]);
  loop.io.run_for(100ms);
  CHECK(loop.exchanges[0].woken - begin >= 40ms);
}
