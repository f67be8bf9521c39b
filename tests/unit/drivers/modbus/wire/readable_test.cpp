#include "drivers/modbus/wire/readable.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>
#include <memory>

#include "drivers/modbus/wire/descriptor.h"
#include "runtime/async.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

namespace {

// Two connected sockets, of which one is watched.
struct Pair {
  explicit Pair(asio::io_context& io) : readable(std::make_unique<Readable>(io.get_executor())) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    near = Descriptor(ends[0]);
    far = Descriptor(ends[1]);
    REQUIRE(readable->watch(near.get()));
  }
  void send() const { REQUIRE(::send(far.get(), "x", 1, 0) == 1); }

  Descriptor near, far;
  std::unique_ptr<Readable> readable;
  int resumed = 0;
};

awaitable<void> wait_once(Pair& pair) {
  co_await pair.readable->wait();
  ++pair.resumed;
}

awaitable<void> wait_and_end_the_other(Pair& pair, Pair& other) {
  co_await wait_once(pair);
  other.readable.reset();
  other.near.reset();
}

awaitable<void> wait_with_its_own(asio::io_context& io, std::shared_ptr<int> kept) {
  Pair pair(io);
  co_await pair.readable->wait();
  ++*kept;
}

void ignore(const std::exception_ptr&) {}

}  // namespace

TEST_CASE("who waits is resumed when something comes, and the loop ends when nobody waits") {
  asio::io_context io{1};
  Pair first(io), second(io);
  asio::co_spawn(io, wait_once(first), ignore);
  asio::co_spawn(io, wait_once(second), ignore);
  io.poll();
  CHECK(first.resumed + second.resumed == 0);
  second.send();
  io.run_one_for(1s);
  io.poll();
  CHECK(first.resumed == 0);
  CHECK(second.resumed == 1);
  first.far.reset();  // the peer closes
  CHECK(io.run_for(5s) > 0);
  CHECK(first.resumed == 1);
  CHECK(io.stopped());
}

TEST_CASE("what came before the wait is not lost") {
  asio::io_context io{1};
  Pair pair(io), other(io);
  asio::co_spawn(io, wait_once(other), ignore);
  pair.send();
  other.send();
  io.run_for(5s);
  REQUIRE(other.resumed == 1);
  asio::co_spawn(io, wait_once(pair), ignore);
  io.restart();
  io.run_for(5s);
  CHECK(pair.resumed == 1);
}

TEST_CASE("a socket that ends while its own event is at hand is left alone") {
  asio::io_context io{1};
  Pair first(io), second(io);
  asio::co_spawn(io, wait_and_end_the_other(first, second), ignore);
  asio::co_spawn(io, wait_once(second), ignore);
  io.poll();
  first.send();
  second.send();
  io.run_for(5s);
  CHECK(first.resumed == 1);
  CHECK(second.resumed == 1);  // its wait ended with it
}

TEST_CASE("a cancelled caller is thrown out") {
  asio::io_context io{1};
  Pair pair(io);
  asio::cancellation_signal cancel;
  bool ended = false;
  const auto end = [&](const std::exception_ptr&) { ended = true; };
  asio::co_spawn(io, wait_once(pair), asio::bind_cancellation_slot(cancel.slot(), end));
  io.poll();
  cancel.emit(asio::cancellation_type::terminal);
  io.run_for(5s);
  CHECK(ended);
}

TEST_CASE("a coroutine that waits for its own socket ends with the loop") {
  const auto kept = std::make_shared<int>(0);
  {
    asio::io_context io{1};
    asio::co_spawn(io, wait_with_its_own(io, kept), ignore);
    io.poll();
    CHECK(kept.use_count() > 1);
  }
  CHECK(kept.use_count() == 1);
  CHECK(*kept == 0);
}
