#include "agent/store/delivery_marks.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <set>

namespace flopwatt::store {
namespace {

using Ranges = std::vector<Span>;

TEST_CASE("what follows the low mark without a hole moves it") {
  DeliveryMarks marks(10);
  CHECK(marks.add({11, 20}));
  CHECK(marks == DeliveryMarks(20));
  CHECK(marks.add({15, 25}));
  CHECK(marks == DeliveryMarks(25));
}

TEST_CASE("what lies below the low mark changes nothing") {
  DeliveryMarks marks(10);
  CHECK(marks.add({1, 10}));
  CHECK(marks.add({5, 4}));
  CHECK(marks == DeliveryMarks(10));
}

TEST_CASE("live readings ahead of the backlog make a range, and closing the hole joins it to the low mark") {
  DeliveryMarks marks(10);
  CHECK(marks.add({100, 110}));
  CHECK(marks.ranges() == Ranges{{100, 110}});
  CHECK(marks.add({111, 120}));
  CHECK(marks.ranges() == Ranges{{100, 120}});
  CHECK(marks.add({11, 98}));
  CHECK(marks.low() == 98);
  CHECK(marks.add({99, 99}));
  CHECK(marks == DeliveryMarks(120));
}

TEST_CASE("ranges that a span overlaps or touches become one") {
  DeliveryMarks marks(0);
  for (std::uint64_t first : {10U, 20U, 30U, 40U}) REQUIRE(marks.add({first, first + 2}));
  CHECK(marks.add({13, 29}));
  CHECK(marks.ranges() == Ranges{{10, 32}, {40, 42}});
  CHECK(marks.add({38, 39}));
  CHECK(marks.ranges() == Ranges{{10, 32}, {38, 42}});
  CHECK(marks.add({5, 60}));
  CHECK(marks.ranges() == Ranges{{5, 60}});
}

TEST_CASE("a range too many is refused and changes nothing; one that joins others is not") {
  DeliveryMarks marks(0);
  for (std::uint64_t i = 1; i <= DeliveryMarks::max_ranges; ++i) REQUIRE(marks.add({10 * i, 10 * i + 1}));
  const DeliveryMarks full = marks;
  CHECK_FALSE(marks.add({5, 6}));
  CHECK_FALSE(marks.add({10'000, 10'001}));
  CHECK(marks == full);
  CHECK(marks.add({12, 13}));
  CHECK(marks.add({1, 5}));  // joins the low mark
  CHECK(marks.low() == 5);
  CHECK(marks.ranges().size() == DeliveryMarks::max_ranges);
}

TEST_CASE("raising the low mark swallows ranges, also one that it ends in") {
  DeliveryMarks marks(0);
  REQUIRE(marks.add({10, 20}));
  REQUIRE(marks.add({30, 40}));
  marks.raise_low(15);
  CHECK(marks.low() == 20);
  marks.raise_low(29);
  CHECK(marks == DeliveryMarks(40));
  marks.raise_low(3);
  CHECK(marks == DeliveryMarks(40));
}

TEST_CASE("saved ranges that make no sense are left out") {
  const DeliveryMarks marks(10, {{5, 8}, {12, 14}, {13, 20}, {30, 29}, {40, 50}});
  CHECK(marks.low() == 10);
  CHECK(marks.ranges() == Ranges{{12, 14}, {40, 50}});
  CHECK(DeliveryMarks(10, {{11, 14}}) == DeliveryMarks(14));
  Ranges many;
  for (std::uint64_t i = 1; i <= 100; ++i) many.push_back({100 * i, 100 * i + 1});
  CHECK(DeliveryMarks(0, many).ranges().size() == DeliveryMarks::max_ranges);
}

TEST_CASE("gaps end at the next delivered range or at the last seq") {
  DeliveryMarks marks(10);
  REQUIRE(marks.add({20, 30}));
  CHECK(marks.first_gap(0, 100) == Span{11, 19});
  CHECK(marks.first_gap(15, 17) == Span{15, 17});
  CHECK(marks.first_gap(20, 100) == Span{31, 100});
  CHECK(marks.first_gap(25, 30) == std::nullopt);
  CHECK(marks.first_gap(0, 10) == std::nullopt);
  CHECK(marks.first_gap(50, 40) == std::nullopt);
}

TEST_CASE("the largest seq does not overflow") {
  constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
  DeliveryMarks marks(0);
  CHECK(marks.add({largest, largest}));
  CHECK(marks.contains(largest));
  CHECK(marks.first_gap(largest, largest) == std::nullopt);
  CHECK(marks.add({1, largest - 1}));
  CHECK(marks == DeliveryMarks(largest));
  CHECK(marks.first_gap(0, largest) == std::nullopt);
}

/// The same as a plain set of numbers.
struct Model {
  std::set<std::uint64_t> delivered;

  [[nodiscard]] std::optional<Span> first_gap(std::uint64_t from, std::uint64_t last) const {
    while (from <= last && delivered.contains(from)) ++from;
    if (from > last) return std::nullopt;
    Span gap{from, from};
    while (gap.last < last && !delivered.contains(gap.last + 1)) ++gap.last;
    return gap;
  }
};

TEST_CASE("random operations agree with a set of numbers") {
  constexpr std::uint64_t end = 400;
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const auto upto = [&](std::uint64_t n) {
      return std::uniform_int_distribution<std::uint64_t>(0, n)(random);
    };
    DeliveryMarks marks(3);
    Model model;
    for (std::uint64_t seq = 0; seq <= 3; ++seq) model.delivered.insert(seq);
    for (int step = 0; step < 300; ++step) {
      const std::uint64_t first = upto(end);
      const Span span{first, first + upto(step % 10 == 0 ? 30 : 2)};
      if (upto(99) == 0) {
        const std::uint64_t low = marks.low() + upto(5);
        marks.raise_low(low);
        for (std::uint64_t seq = 0; seq <= low; ++seq) model.delivered.insert(seq);
      } else if (marks.add(span)) {
        for (std::uint64_t seq = span.first; seq <= span.last; ++seq) model.delivered.insert(seq);
      } else {
        REQUIRE(marks.ranges().size() == DeliveryMarks::max_ranges);
      }
      REQUIRE(marks.ranges().size() <= DeliveryMarks::max_ranges);
      bool agree = true;
      for (std::uint64_t seq = 0; seq <= end + 40; ++seq)
        agree = agree && marks.contains(seq) == model.delivered.contains(seq);
      REQUIRE(agree);
      const std::uint64_t from = upto(end);
      REQUIRE(marks.first_gap(from, end) == model.first_gap(from, end));
      REQUIRE(DeliveryMarks(marks.low(), marks.ranges()) == marks);
    }
  }
}

}  // namespace
}  // namespace flopwatt::store
