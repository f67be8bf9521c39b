#include "runtime/host_lookup.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <optional>

#include "tests/unit/runtime/without_threads.h"

using namespace flopwatt;
using namespace std::chrono_literals;
using Addresses = Result<std::vector<asio::ip::address>>;

namespace {

awaitable<void> find(HostLookup& lookup, std::optional<Addresses>& found) { found = co_await lookup.find(); }

awaitable<void> give_up_at_once(HostLookup& lookup, bool& gave_up) {
  gave_up = !co_await with_timeout(lookup.find(), 0ms);
}

void run(asio::io_context& loop, awaitable<void> task) {
  asio::co_spawn(loop, std::move(task), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  loop.restart();
  loop.run_for(30s);
}

Addresses find(asio::io_context& loop, HostLookup& lookup) {
  std::optional<Addresses> found;
  run(loop, find(lookup, found));
  REQUIRE(found.has_value());
  return *found;
}

Addresses find(const std::string& host) {
  asio::io_context loop{1};
  HostLookup lookup(host);
  return find(loop, lookup);
}

bool has(const Addresses& addresses, const char* wanted) {
  return addresses && std::ranges::count(*addresses, asio::ip::make_address(wanted)) > 0;
}

auto threads_of_this_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

}  // namespace

TEST_CASE("a numeric address is itself, and needs no thread") {
  CHECK(has(find("192.0.2.1"), "192.0.2.1"));
  CHECK(has(find("2001:db8::1"), "2001:db8::1"));
  CHECK(test::holds_without_threads([] { return has(find("192.0.2.1"), "192.0.2.1"); }));
}

TEST_CASE("a name is looked up, as often as it is asked") {
  asio::io_context loop{1};
  HostLookup lookup("localhost");
  for (int i = 0; i < 3; ++i) {
    const Addresses found = find(loop, lookup);
    CHECK((has(found, "127.0.0.1") || has(found, "::1")));
  }
}

TEST_CASE("a name that is none is a fault with the resolver's reason") {
  const Addresses found = find("no such name");
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().fault_class == FaultClass::connection);
  CHECK_FALSE(found.error().message.empty());
}

TEST_CASE("no thread, no descriptor: a fault that says so, and the next call tries again") {
  CHECK(test::holds_without_threads([] {
    asio::io_context loop{1};
    HostLookup lookup("localhost");
    const Addresses first = find(loop, lookup), second = find(loop, lookup);
    return !first && !second && first.error().fault_class == FaultClass::connection &&
           first.error().message.starts_with("no thread is left for the look-up; raise the limit of tasks") &&
           second.error().message == first.error().message;
  }));

  asio::io_context loop{1};
  HostLookup lookup("localhost");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const Addresses found = find(loop, lookup);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().message == "no file descriptor is left for the look-up");
  CHECK(find(loop, lookup).has_value());
}

TEST_CASE("who gives up leaves the look-up to the next call, and never starts a second thread") {
  asio::io_context loop{1};
  HostLookup lookup("localhost");
  const auto threads = threads_of_this_process();
  bool gave_up = false;
  for (int i = 0; i < 100; ++i) {
    bool once = false;
    run(loop, give_up_at_once(lookup, once));
    gave_up = gave_up || once;
    CHECK(threads_of_this_process() <= threads + 2);  // an ended one may not be gone
  }
  CHECK(gave_up);
  CHECK(find(loop, lookup).has_value());
}
