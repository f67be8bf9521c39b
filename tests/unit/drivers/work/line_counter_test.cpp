#include "drivers/work/line_counter.h"

#include <doctest/doctest.h>

#include <string>

#include "fake_intake.h"

namespace flopwatt::work {
namespace {

constexpr std::int64_t second_us = 1'000'000;

struct CounterBench {
  /// Sends a line at that second.
  std::optional<Refusal> send(const std::string& line, std::int64_t at_s = 0) {
    return counter.take(line, at_s * second_us);
  }
  std::optional<Refusal> total(double flop, const std::string& tags = "accelerator:nvidia0",
                               std::int64_t at_s = 0) {
    return send("flop:" + std::to_string(flop) + "|g|#" + tags, at_s);
  }
  FakeIntake intake;
  LineCounter counter{intake, 4};
};

}  // namespace

TEST_CASE("lines that add are added, by target and precision") {
  CounterBench bench;
  CHECK_FALSE(bench.send("flop:10|c|#accelerator:nvidia0"));
  CHECK_FALSE(bench.send("flop:5|c|#accelerator:nvidia0"));
  CHECK_FALSE(bench.send("flop:7|c|#accelerator:nvidia0,precision:bf16"));
  CHECK_FALSE(bench.send("flop:3|c|#scope:rack"));
  CHECK(bench.intake.of("nvidia0") == 15);
  CHECK(bench.intake.of("nvidia0", Place::bf16) == 7);
  CHECK(bench.intake.of("rack") == 3);
}

TEST_CASE("the first running total is the start, the next ones count what they add") {
  CounterBench bench;
  CHECK_FALSE(bench.total(1000));
  CHECK(bench.intake.of("nvidia0") == 0);  // it has been counted, zero
  bench.total(1010);
  bench.total(1010);
  bench.total(1025);
  CHECK(bench.intake.of("nvidia0") == 25);
}

TEST_CASE("a line tells over what time its work was done: since the line of its sender before") {
  CounterBench bench;
  const auto since_s = [&] {
    const auto since_us = bench.intake.newest.since_us;
    return since_us ? *since_us / second_us : -1;
  };
  SUBCASE("adding") {
    bench.send("flop:5|c|#accelerator:nvidia0,rank:0", 100);
    CHECK(since_s() == -1);
    CHECK(bench.intake.of("nvidia0") == 5);  // it counts all the same
    bench.send("flop:5|c|#accelerator:nvidia0,rank:1", 101);
    CHECK(since_s() == -1);  // another sender
    bench.send("flop:5|c|#rank:0,accelerator:nvidia0", 110);
    CHECK(since_s() == 100);
    CHECK(bench.intake.newest.now_us == 110 * second_us);
    bench.send("flop:5|g|#accelerator:nvidia0,rank:0", 111);
    CHECK(since_s() == -1);  // a running total is another matter
    bench.send("flop:5|c|#accelerator:nvidia0,rank:0", 800);
    CHECK(since_s() == 110);  // however long ago
  }
  SUBCASE("running totals") {
    bench.total(10, "accelerator:nvidia0", 100);
    CHECK(since_s() == -1);
    bench.total(10, "accelerator:nvidia0", 110);
    CHECK(since_s() == 100);
    CHECK(bench.intake.newest.flop == 0);
    bench.total(3, "accelerator:nvidia0", 120);
    CHECK(since_s() == 110);
    CHECK(bench.intake.newest.flop == 3);
  }
  SUBCASE("a line that was refused leaves the time before it untold") {
    bench.intake.peak_rate = 10;
    bench.send("flop:1|c|#accelerator:nvidia0", 100);
    CHECK(bench.send("flop:1e9|c|#accelerator:nvidia0", 110) == Refusal::budget);
    bench.send("flop:1|c|#accelerator:nvidia0", 120);
    CHECK(since_s() == 110);
  }
  SUBCASE("a total that was refused: from where the sender goes on") {
    bench.intake.peak_rate = 10;
    bench.total(1000, "accelerator:nvidia0", 100);
    CHECK(bench.total(1e9, "accelerator:nvidia0", 110) == Refusal::budget);
    SUBCASE("back again") {
      bench.total(1010, "accelerator:nvidia0", 120);
      CHECK(since_s() == 100);
    }
    SUBCASE("on from there") {
      bench.total(1e9 + 5, "accelerator:nvidia0", 120);
      CHECK(since_s() == 110);
    }
  }
}

TEST_CASE("a sender too many is still counted where it adds, without its time") {
  CounterBench bench;
  for (int rank = 0; rank < 5; ++rank)
    for (int second : {0, 1})
      CHECK_FALSE(bench.send("flop:1|c|#accelerator:nvidia0,rank:" + std::to_string(rank), second));
  CHECK(bench.intake.of("nvidia0") == 10);
  CHECK_FALSE(bench.intake.newest.since_us);
  CHECK_FALSE(bench.total(100));  // running totals have room of their own
}

TEST_CASE("packed values count as so many lines would") {
  CounterBench bench;
  CHECK_FALSE(bench.send("flop:1:2:3|c|#accelerator:nvidia0"));
  CHECK(bench.intake.of("nvidia0") == 6);
  CHECK_FALSE(bench.send("flop:100:110|g|#accelerator:nvidia0,precision:bf16"));
  CHECK(bench.intake.of("nvidia0", Place::bf16) == 10);
  CHECK_FALSE(bench.intake.newest.since_us);
  CHECK_FALSE(bench.send("flop:115:5:7|g|#accelerator:nvidia0,precision:bf16", 3));
  CHECK(bench.intake.of("nvidia0", Place::bf16) == 10 + 5 + 5 + 2);
  CHECK(bench.intake.newest.since_us == 0);
  bench.intake.peak_rate = 1;
  CHECK(bench.send("flop:8:1e9|g|#accelerator:nvidia0,precision:bf16", 4) == Refusal::budget);
  CHECK_FALSE(bench.send("flop:1000000003|g|#accelerator:nvidia0,precision:bf16", 5));
  CHECK(bench.intake.newest.flop == 3);  // on from the last value that was refused
}

TEST_CASE("what a model needs has a budget of its own, and its kind is handed on") {
  CounterBench bench;
  bench.intake.peak_rate = 10;
  CHECK_FALSE(bench.send("flop:6000|c|#accelerator:nvidia0"));
  CHECK(bench.intake.newest.kind == WorkKind::hardware);
  CHECK_FALSE(bench.send("flop:6000|c|#accelerator:nvidia0,kind:model"));
  CHECK(bench.intake.newest.kind == WorkKind::model);
  CHECK(bench.send("flop:1|c|#accelerator:nvidia0,kind:model") == Refusal::budget);
}

TEST_CASE("after a fall the new value counts whole") {
  CounterBench bench;
  bench.total(1000);
  bench.total(1100);
  bench.total(30);
  CHECK(bench.intake.of("nvidia0") == 130);
  bench.total(0);
  bench.total(5);
  CHECK(bench.intake.of("nvidia0") == 135);
}

TEST_CASE("each set of tags has a running total of its own, in whatever order it comes") {
  CounterBench bench;
  for (const char* rank : {"rank:0", "rank:1"}) bench.total(1000, "accelerator:nvidia0," + std::string(rank));
  bench.total(1001, "rank:0,accelerator:nvidia0");
  bench.total(1020, "rank:1,accelerator:nvidia0");
  bench.total(50, "accelerator:nvidia0,rank:0");  // begins anew; the other goes on
  bench.total(1300, "accelerator:nvidia0,rank:1");
  CHECK(bench.intake.of("nvidia0") == 1 + 20 + 50 + 280);
}

TEST_CASE("a target takes as much as its peak allows, ten minutes of it in store") {
  CounterBench bench;
  bench.intake.peak_rate = 10;
  CHECK_FALSE(bench.send("flop:6000|c|#accelerator:nvidia0", 0));
  CHECK(bench.send("flop:1|c|#accelerator:nvidia0", 0) == Refusal::budget);
  CHECK(bench.send("flop:21|c|#accelerator:nvidia0", 2) == Refusal::budget);
  CHECK_FALSE(bench.send("flop:20|c|#accelerator:nvidia0", 2));
  CHECK_FALSE(bench.send("flop:6000|c|#scope:rack", 2));  // another target
  CHECK(bench.send("flop:6001|c|#accelerator:nvidia0", 10'000) == Refusal::budget);
  CHECK_FALSE(bench.send("flop:6000|c|#accelerator:nvidia0", 10'000));
  CHECK(bench.intake.of("nvidia0") == 12'020);
  CHECK(bench.counter.refused(Refusal::budget) == 3);
}

TEST_CASE("a target without a peak takes nothing") {
  CounterBench bench;
  for (const double none : {absent, 0.0}) {
    CAPTURE(none);
    bench.intake.peak_rate = none;
    CHECK(bench.send("flop:1.7e308|c|#accelerator:nvidia0") == Refusal::budget);
    CHECK(bench.send("flop:1|c|#scope:rack") == Refusal::budget);
  }
  bench.intake.peak_rate = 10;  // it is known now, and nothing was taken before
  CHECK_FALSE(bench.send("flop:6000|c|#accelerator:nvidia0"));
}

TEST_CASE("a running total that jumped beyond the budget: back again, or on from there") {
  CounterBench bench;
  bench.intake.peak_rate = 10;
  bench.total(1000);
  CHECK(bench.total(1e9) == Refusal::budget);
  SUBCASE("it was an error of the sender") {
    CHECK_FALSE(bench.total(1010));
    CHECK(bench.intake.of("nvidia0") == 10);
  }
  SUBCASE("the sender had been silent for long") {
    CHECK_FALSE(bench.total(1e9 + 20));
    CHECK(bench.intake.of("nvidia0") == 20);
    CHECK_FALSE(bench.total(1e9 + 30));
    CHECK(bench.intake.of("nvidia0") == 30);
  }
  SUBCASE("it begins anew") {
    CHECK_FALSE(bench.total(7));
    CHECK(bench.intake.of("nvidia0") == 7);
  }
  CHECK(bench.counter.refused(Refusal::budget) == 1);
}

TEST_CASE("running totals are bounded: one that counts is only forgotten when it is idle") {
  CounterBench bench;
  const auto tags = [](int rank) { return "accelerator:nvidia0,rank:" + std::to_string(rank); };
  for (int rank = 0; rank < 4; ++rank) {
    bench.total(100, tags(rank), 0);
    bench.total(101, tags(rank), 0);
  }
  bench.total(110, tags(0), 300);
  CHECK(bench.total(100, tags(4), 300) == Refusal::overflow);
  CHECK_FALSE(bench.total(100, tags(4), 601));  // rank 1 is forgotten
  CHECK(bench.total(100, tags(5), 601) == std::nullopt);
  bench.total(120, tags(0), 601);
  CHECK(bench.intake.of("nvidia0") == 23);
  bench.total(150, tags(1), 601);  // a start again
  CHECK(bench.intake.of("nvidia0") == 23);
  CHECK(bench.counter.refused(Refusal::overflow) == 1);
}

TEST_CASE("invented ranks that never count lock nobody out, and cost no sender that counts its total") {
  CounterBench bench;
  for (const double flop : {1000.0, 1010.0}) bench.total(flop, "accelerator:nvidia0,rank:0");
  for (int rank = 1; rank < 50; ++rank) bench.total(5, "accelerator:nvidia0,rank:" + std::to_string(rank), 1);
  CHECK(bench.counter.refused(Refusal::overflow) == 0);
  CHECK_FALSE(bench.total(100, "accelerator:nvidia0,rank:late", 2));
  bench.total(107, "accelerator:nvidia0,rank:late", 12);
  bench.total(1030, "accelerator:nvidia0,rank:0", 12);
  CHECK(bench.intake.of("nvidia0") == 10 + 7 + 20);
  // The longest silent of them goes first: the newest is still there.
  bench.total(6, "accelerator:nvidia0,rank:49", 13);
  CHECK(bench.intake.of("nvidia0") == 10 + 7 + 20 + 1);
}

TEST_CASE("each target has a share: ranks invented for one lock out no other, even where they count") {
  FakeIntake intake;
  LineCounter counter{intake, 128};  // a share of two
  const auto total = [&](double flop, const std::string& tags, std::int64_t at_s) {
    return counter.take("flop:" + std::to_string(flop) + "|g|#" + tags, at_s * second_us);
  };
  const auto flood = [&](const std::string& target, std::int64_t at_s) {
    for (int rank = 0; rank < 200; ++rank)
      for (const double flop : {1.0, 2.0}) total(flop, target + ",rank:" + std::to_string(rank), at_s);
  };
  flood("accelerator:nvidia0", 0);
  CHECK(intake.of("nvidia0") == 128);
  for (int second = 10; second < 40; second += 10) {
    CHECK_FALSE(total(second, "scope:rack,rank:a", second));
    CHECK_FALSE(total(second, "scope:rack,rank:b", second));
    flood("accelerator:nvidia0", second);
  }
  CHECK(intake.of("rack") == 40);
  // Beyond its share a target takes no place of a sender that counts.
  CHECK(total(1, "scope:rack,rank:c", 40) == Refusal::overflow);
}

TEST_CASE("adding senders that are invented take nobody's time of work") {
  CounterBench bench;
  for (int rank = 0; rank < 50; ++rank)
    bench.send("flop:0|c|#accelerator:nvidia0,rank:" + std::to_string(rank), 0);
  bench.send("flop:5|c|#accelerator:nvidia0,rank:late", 1);
  bench.send("flop:5|c|#accelerator:nvidia0,rank:late", 11);
  CHECK(bench.intake.newest.since_us == second_us);
}

TEST_CASE("each refusal is counted by its reason") {
  CounterBench bench;
  CHECK(bench.send("nonsense") == Refusal::syntax);
  CHECK(bench.send("flop:1|c|#accelerator:nvidia9") == Refusal::target);
  CHECK(bench.send("flop:1|c|#scope:nvidia0") == Refusal::target);
  CHECK(bench.counter.refused(Refusal::syntax) == 1);
  CHECK(bench.counter.refused(Refusal::target) == 2);
  CHECK(bench.intake.lines == 0);
}

}  // namespace flopwatt::work
