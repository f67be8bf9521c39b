#include "exporters/prometheus/logins.h"

#include <crypt.h>
#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

using namespace flopwatt;
using namespace flopwatt::prometheus;
using namespace std::chrono_literals;

namespace {

std::string bcrypt(const std::string& password, const std::string& cost) {
  crypt_data data{};
  return ::crypt_r(password.c_str(), ("$2b$" + cost + "$abcdefghijklmnopqrstuu").c_str(), &data);
}

std::string basic(const std::string& login) {
  std::string code(login.size() * 2 + 4, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(code.data()),
                      reinterpret_cast<const unsigned char*>(login.data()), static_cast<int>(login.size()));
  return "Basic " + code.substr(0, static_cast<std::size_t>(size));
}

// All at once, in this order.
std::vector<Login> check_all(Logins& logins, const Users& users, const std::vector<std::string>& given) {
  std::vector<Login> found(given.size(), Login::busy);
  asio::io_context loop{1};
  auto check = [&](std::size_t i) -> awaitable<void> { found[i] = co_await logins.check(users, given[i]); };
  for (std::size_t i = 0; i < given.size(); ++i)
    asio::co_spawn(loop, check(i), [](const std::exception_ptr& failure) { CHECK_FALSE(failure); });
  loop.run();
  return found;
}

Login check_one(Logins& logins, const Users& users, const std::string& given) {
  return check_all(logins, users, {given}).front();
}

// CPU time of the process: a busy machine does not change it much.
std::clock_t cost_of(Logins& logins, const Users& users, const std::string& given) {
  const std::clock_t begin = std::clock();
  check_one(logins, users, given);
  return std::clock() - begin;
}

}  // namespace

TEST_CASE("a login is good by name and password, and by nothing that is near") {
  Logins logins(1min);  // a machine may be busy
  const Users users{{"alice", bcrypt("secret:with:colons", "04")}, {"bob", bcrypt("", "04")}};
  CHECK(check_one(logins, users, basic("alice:secret:with:colons")) == Login::good);
  CHECK(check_one(logins, users, "bASIC  " + basic("bob:").substr(6)) == Login::good);
  for (const std::string wrong : {"alice:secret", "alice:", "bob:secret:with:colons",
                                  "carol:secret:with:colons", "Alice:secret:with:colons", ":", "alice"})
    CHECK(check_one(logins, users, basic(wrong)) == Login::wrong);
  CHECK(check_one(logins, users, basic(std::string("alice:secret:with:colons\0x", 26))) == Login::wrong);
  for (const std::string wrong : {"", "Basic", "Basic ", "Basic !!!!", "Basic YQ=", "Bearer abc"})
    CHECK(check_one(logins, users, wrong) == Login::wrong);
  CHECK(check_one(logins, users, "Basic " + std::string(100'000, 'A')) == Login::wrong);
}

TEST_CASE("a good login is computed once; a wrong one, and one whose hash has changed, always") {
  Logins logins(1min);  // a machine may be busy
  const Users users{{"alice", bcrypt("secret", "09")}};
  const auto first = cost_of(logins, users, basic("alice:secret"));
  const auto second = cost_of(logins, users, basic("alice:secret"));
  CHECK(second * 10 < first);
  CHECK(cost_of(logins, users, basic("alice:wrong")) * 10 > first);
  CHECK(cost_of(logins, users, basic("alice:wrong")) * 10 > first);
  const Users changed{{"alice", bcrypt("other", "09")}};
  CHECK(check_one(logins, changed, basic("alice:secret")) == Login::wrong);
  CHECK(check_one(logins, changed, basic("alice:other")) == Login::good);
}

TEST_CASE("a name that is not known costs as much as the costliest that is") {
  Logins logins(1min);  // a machine may be busy
  const Users users{{"alice", bcrypt("secret", "04")}, {"bob", bcrypt("secret", "09")}};
  auto known = std::numeric_limits<std::clock_t>::max(), unknown = known;
  for (int i = 0; i < 5; ++i) {
    known = std::min(known, cost_of(logins, users, basic("bob:wrong")));
    unknown = std::min(unknown, cost_of(logins, users, basic("carol:wrong")));
  }
  CHECK(unknown * 4 > known);
  CHECK(known * 4 > unknown);
}

TEST_CASE("one is computed and eight wait; whoever comes then is asked to come back, but not who is known") {
  Logins logins(1min);
  const Users users{{"alice", bcrypt("secret", "08")}};
  CHECK(check_one(logins, users, basic("alice:secret")) == Login::good);
  std::vector<std::string> given(12, basic("alice:wrong"));
  given.push_back(basic("alice:secret"));
  const std::vector<Login> found = check_all(logins, users, given);
  for (std::size_t i = 0; i < 9; ++i) CHECK(found[i] == Login::wrong);
  for (std::size_t i = 9; i < 12; ++i) CHECK(found[i] == Login::busy);
  CHECK(found[12] == Login::good);
}

TEST_CASE("a login whose connection ended leaves the turn to the next") {
  Logins logins(1min);  // a machine may be busy
  const Users users{{"alice", bcrypt("secret", "08")}};
  asio::io_context loop{1};
  asio::cancellation_signal cancel;
  Login found = Login::busy;
  auto cancelled = [&]() -> awaitable<void> { co_await logins.check(users, basic("alice:wrong")); };
  auto next = [&]() -> awaitable<void> { found = co_await logins.check(users, basic("alice:secret")); };
  asio::co_spawn(loop, cancelled,
                 asio::bind_cancellation_slot(cancel.slot(), [](const std::exception_ptr&) {}));
  asio::co_spawn(loop, next, [](const std::exception_ptr& failure) { CHECK_FALSE(failure); });
  loop.poll();
  cancel.emit(asio::cancellation_type::terminal);
  loop.run();
  CHECK(found == Login::good);
}

TEST_CASE(
    "a hash that takes longer than a caller may wait counts for who comes again: each is answered in time") {
  Logins logins(20ms);
  const Users users{{"alice", bcrypt("secret", "12")}};
  const std::clock_t begin = std::clock();
  CHECK(check_one(logins, users, basic("alice:secret")) == Login::busy);
  CHECK(std::clock() - begin < CLOCKS_PER_SEC / 10);
  int tries = 1;
  while (tries < 5'000 && check_one(logins, users, basic("alice:secret")) == Login::busy) ++tries;
  CHECK(tries < 5'000);
  CHECK(check_one(logins, users, basic("alice:secret")) == Login::good);
}
