#include "agent/daemon/line_times.h"

#include <doctest/doctest.h>

using namespace flopwatt::daemon;

namespace {

constexpr std::int64_t line_second_us = 1'000'000;

// Lines of senders at whole seconds.
struct Told {
  LineTimes times;

  void line(std::int64_t at, double flop, std::optional<std::int64_t> since) {
    times.count(flop, since ? std::optional(*since * line_second_us) : std::nullopt, at * line_second_us);
  }
  // Second that is reached, work until then, and whether it is known since the second before.
  void check(std::int64_t now, double reached, double flop, bool known) {
    const LineTimes::Told& told = times.advance(now * line_second_us);
    CHECK(static_cast<double>(told.reached_us) == reached * line_second_us);
    CHECK(told.flop == doctest::Approx(flop));
    CHECK(told.is_known == known);
  }
};

}  // namespace

TEST_CASE("nothing is told before the second line, which is waited for") {
  Told told;
  told.check(5, 0, 0, false);
  told.line(10, 7, std::nullopt);
  told.check(250, 10, 0, false);
  told.line(300, 290, 10);
  told.check(301, 300, 290, true);
}

TEST_CASE("two senders: known up to the moment that both have told") {
  Told told;
  told.line(10, 0, std::nullopt);
  told.line(12, 0, std::nullopt);
  told.line(20, 10, 10);
  told.check(21, 12, 2, true);  // what the other has done since its first line is not known yet
  told.line(22, 10, 12);
  told.line(30, 10, 20);
  told.check(31, 22, 10 + 10 + 2, true);
  told.line(32, 10, 22);
  told.check(33, 30, 10 + 10 + 10 + 8, true);
  // The one that goes on is waited for; the other is waited for as long as three of its intervals.
  told.line(40, 10, 30);
  told.check(41, 32, 10 + 10 + 12 + 10, true);
  told.check(62, 32, 42, true);
  told.check(63, 40, 50, true);
}

TEST_CASE("after the last line nothing is known; a later line of the sender tells five minutes at most") {
  Told told;
  for (std::int64_t at = 0; at <= 50; at += 10)
    told.line(100 + at, 10, at == 0 ? std::nullopt : std::optional(100 + at - 10));
  told.check(151, 150, 50, true);
  told.check(200, 200, 50, false);
  told.line(1150, 1000, 150);
  told.check(1150, 850, 50, false);
  told.check(1150, 1150, 350, true);
}

TEST_CASE("many lines take little memory, and none is lost") {
  Told told;
  LineTimes& times = told.times;
  times.count(0, std::nullopt, 1000);
  for (std::int64_t at = 1; at <= 1'000'000; ++at) times.count(1, 1000 * at, 1000 * at + 1000);
  const LineTimes::Told& all = times.advance(1000 * 1'000'001 + 1);
  CHECK(all.flop == doctest::Approx(1e6));
  CHECK(all.is_known);
}
