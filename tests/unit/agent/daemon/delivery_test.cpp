#include "agent/daemon/delivery.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <functional>
#include <map>
#include <string_view>

#include "runtime/async.h"
#include "runtime/clock.h"
#include "runtime/schedule.h"

using namespace flopwatt;
using namespace flopwatt::daemon;
using namespace std::chrono_literals;

namespace {

/// An exporter whose receiver the test plays.
class ScriptedExporter final : public PushExporter {
 public:
  explicit ScriptedExporter(asio::any_io_executor executor) : changed_(executor) {}

  void connect() {
    up_ = true;
    ++connection_;
    changed_.cancel();
  }
  void disconnect() { up_ = false; }

  const std::string& name() const override { return name_; }
  awaitable<void> run() override { co_return; }
  bool up() const override { return up_; }
  std::uint64_t connection() const override { return connection_; }
  awaitable<void> wait_until_up() override {
    while (!up_) {
      changed_.expires_after(10ms);
      boost::system::error_code ignored;
      co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }
  awaitable<void> publish(const std::vector<StoredSet>& sets, Lane lane, std::vector<Fate>& fates) override {
    ++attempts;
    for (std::size_t i = 0; i < sets.size(); ++i) {
      fates.at(i) = refuse ? Fate::unanswered : fate_of(sets[i]);
      if (fates.at(i) == Fate::delivered) (lane == Lane::live ? live : replay).push_back(sets[i].seq);
    }
    if (lose_after_publish) disconnect();
    if (stall) co_await sleep_until(SteadyTime::max());
    while (hold) co_await sleep_until(std::chrono::steady_clock::now() + 1ms);
  }
  Time replay_from(SourceKind, const std::string& source) const override {
    const auto found = rests_until.find(source);
    return found == rests_until.end() ? Time{} : found->second;
  }
  std::vector<Refusals> refusals() const override { return {}; }
  std::vector<std::string> remarks() const override { return {}; }
  void set_status(const std::vector<SourceStatus>&) override {}

  bool refuse = false, stall = false, hold = false, lose_after_publish = false;
  std::function<Fate(const StoredSet&)> fate_of = [](const StoredSet&) { return Fate::delivered; };
  std::map<std::string, Time> rests_until;
  int attempts = 0;
  std::vector<std::uint64_t> live, replay;

 private:
  std::string name_ = "ems";
  bool up_ = false;
  std::uint64_t connection_ = 0;
  asio::steady_timer changed_;
};

SourcePtr delivery_source(const std::string& name) {
  Source made;
  made.kind = SourceKind::meter;
  made.name = name;
  return std::make_shared<const Source>(made);
}

bool is_of(const StoredSet& stored, std::string_view name) { return stored.set.source->name == name; }

/// A delivery over a log in memory, with its two lanes running.
struct Fixture {
  asio::io_context io{1};
  /// Set n is of source n modulo 3.
  std::vector<SourcePtr> sources{delivery_source("s0"), delivery_source("s1"), delivery_source("s2")};
  std::vector<StoredSet> log;
  ScriptedExporter* exporter = nullptr;
  std::unique_ptr<Delivery> delivery;
  asio::cancellation_signal stop_live, stop_replay;
  int ended = 0;  // tasks

  awaitable<Result<std::vector<StoredSet>>> read(store::Span span, std::size_t max_sets) {
    std::vector<StoredSet> found;
    for (const StoredSet& stored : log)
      if (span.first <= stored.seq && stored.seq <= span.last && found.size() < max_sets)
        found.push_back(stored);
    co_return found;
  }

  Fixture() {
    auto made = std::make_unique<ScriptedExporter>(io.get_executor());
    exporter = made.get();
    delivery = std::make_unique<Delivery>(
        std::move(made), DeliveryRecord({store::DeliveryMarks(100), 0, 0}, 0),
        [this](store::Span span, std::size_t max_sets) { return read(span, max_sets); },
        Delivery::Settings{10s, 100});
    start();
  }
  void start() {
    const auto ends = [this](const std::exception_ptr&) { ++ended; };
    asio::co_spawn(io, delivery->run_live(), asio::bind_cancellation_slot(stop_live.slot(), ends));
    asio::co_spawn(io, delivery->run_replay(), asio::bind_cancellation_slot(stop_replay.slot(), ends));
  }
  ~Fixture() {
    stop_live.emit(asio::cancellation_type::terminal);
    stop_replay.emit(asio::cancellation_type::terminal);
    io.run();
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  /// Commits sets first..last, of this moment or `age` ago.
  void commit(std::uint64_t first, std::uint64_t last, std::chrono::microseconds age = 0us) {
    std::vector<StoredSet> sets;
    for (std::uint64_t seq = first; seq <= last; ++seq) {
      ReadingSet set;
      set.time = now();
      set.time.wall_us -= age.count();
      set.values = {1.0};
      set.source = sources[seq % sources.size()];
      sets.push_back({seq, set});
      log.push_back(sets.back());
    }
    static_cast<void>(delivery->record().begin_commit());
    delivery->end_commit(last - first + 1, {}, 0, nullptr);
    delivery->offer(std::make_shared<const std::vector<StoredSet>>(sets));
  }

  void commit_nothing() {
    static_cast<void>(delivery->record().begin_commit());
    delivery->end_commit(0, {}, 0, nullptr);
  }

  template <class Condition>
  bool run_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!condition() && std::chrono::steady_clock::now() < deadline) io.run_one_for(10ms);
    return condition();
  }
  bool run_until_delivered() {
    return run_until([this] {
      commit_nothing();  // saves what was acknowledged
      return delivery->record().backlog() == 0;
    });
  }
};

using SeqList = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("what was stored before the connection is replayed, what comes after is live") {
  Fixture f;
  f.commit(101, 103);
  CHECK(f.delivery->record().backlog() == 3);
  f.exporter->connect();
  f.commit(104, 105);
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->replay == SeqList{101, 102, 103});
  CHECK(f.exporter->live == SeqList{104, 105});
  CHECK(f.delivery->record().delivered() == 5);
}

TEST_CASE("a hole that a jump of the numbering left is passed, and what is around it is delivered once") {
  Fixture f;
  f.commit(101, 103);
  f.commit(1'000'104, 1'000'106);  // after a start that jumped
  f.exporter->connect();
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->replay == SeqList{101, 102, 103, 1'000'104, 1'000'105, 1'000'106});
  f.exporter->disconnect();
  f.commit(9'000'000, 9'000'001);  // again, and the sets before it are delivered: the hole stands alone
  f.exporter->connect();
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->replay.size() == 8);
  CHECK(f.delivery->record().delivered() == 8);
  REQUIRE(f.run_until([&] { return !f.delivery->record().next_gap(9'000'001); }));
}

TEST_CASE("a batch that was refused is replayed, each set once") {
  Fixture f;
  f.exporter->connect();
  f.exporter->refuse = true;
  f.commit(101, 103);
  REQUIRE(f.run_until([&] { return f.exporter->attempts >= 2; }));  // both lanes tried
  CHECK_FALSE(f.delivery->record().has_unsaved());
  f.exporter->refuse = false;
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->live.empty());
  CHECK(f.exporter->replay == SeqList{101, 102, 103});
}

TEST_CASE("after a lost connection the backlog goes on with the next one at once") {
  Fixture f;
  f.commit(101, 103);
  f.exporter->refuse = true;
  for (int i = 0; i < 6; ++i) {  // with a pause of its own each, that would be a minute
    const int attempts = f.exporter->attempts;
    f.exporter->lose_after_publish = true;
    f.exporter->connect();
    REQUIRE(f.run_until([&] { return f.exporter->attempts == attempts + 1; }));
  }
  f.exporter->refuse = f.exporter->lose_after_publish = false;
  f.exporter->connect();
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->replay == SeqList{101, 102, 103});
}

TEST_CASE("what is older than the live age when it is sent goes to the replay topics") {
  Fixture f;
  f.exporter->connect();
  f.commit(101, 102, 11s);
  f.commit(103, 104);
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->replay == SeqList{101, 102});
  CHECK(f.exporter->live == SeqList{103, 104});
}

TEST_CASE("new readings that wait for a far broker's answer go out live, and together") {
  Fixture f;
  f.exporter->connect();
  f.exporter->hold = true;
  f.commit(101, 101);
  REQUIRE(f.run_until([&] { return f.exporter->attempts == 1; }));
  SeqList all{101};
  for (std::uint64_t seq = 102; seq <= 141; ++seq) {
    f.commit(seq, seq);
    all.push_back(seq);
  }
  f.exporter->hold = false;
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->live == all);
  CHECK(f.exporter->replay.empty());
  CHECK(f.exporter->attempts == 2);
}

TEST_CASE("what grows old while it waits for the live lane is replayed, and only that") {
  Fixture f;
  f.exporter->connect();
  f.exporter->hold = true;
  f.commit(101, 101);
  REQUIRE(f.run_until([&] { return f.exporter->attempts == 1; }));
  f.commit(102, 102, 9'990ms);
  f.commit(103, 103);
  const auto old_enough = std::chrono::steady_clock::now() + 20ms;
  f.run_until([&] { return std::chrono::steady_clock::now() >= old_enough; });
  f.commit(104, 104);
  REQUIRE(f.run_until([&] { return f.exporter->attempts == 2; }));
  CHECK(f.exporter->replay == SeqList{102});
  f.exporter->hold = false;
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->live == SeqList{101, 103, 104});
  CHECK(f.exporter->replay == SeqList{102});
}

TEST_CASE("what waited for the live lane while the connection changed is not live any more") {
  Fixture f;
  f.exporter->connect();
  f.commit(101, 102);  // nothing runs yet: it waits
  f.exporter->disconnect();
  f.exporter->connect();
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->live.empty());
  CHECK(f.exporter->replay == SeqList{101, 102});
}

TEST_CASE("another exporter goes on where the one before it was, also with what was under way") {
  Fixture f;
  f.exporter->connect();
  f.commit(101, 102);
  REQUIRE(f.run_until_delivered());
  f.exporter->stall = true;
  f.exporter->fate_of = [](const StoredSet&) { return Fate::unanswered; };
  f.commit(103, 104);  // is being published
  REQUIRE(f.run_until([&] { return f.exporter->attempts == 2; }));
  f.commit(105, 106);  // waits behind it
  f.stop_live.emit(asio::cancellation_type::terminal);
  f.stop_replay.emit(asio::cancellation_type::terminal);
  REQUIRE(f.run_until([&] { return f.ended == 2; }));

  auto made = std::make_unique<ScriptedExporter>(f.io.get_executor());
  ScriptedExporter* const next = made.get();
  f.delivery->replace_exporter(std::move(made));
  f.commit(107, 107);
  f.io.restart();  // it had nothing left to do
  f.start();
  next->connect();
  f.commit(108, 108);
  REQUIRE(f.run_until_delivered());
  CHECK(next->replay == SeqList{103, 104, 105, 106, 107});
  CHECK(next->live == SeqList{108});
  CHECK(f.delivery->record().delivered() == 8);
}

TEST_CASE("a publication that is cancelled keeps what was acknowledged by then") {
  Fixture f;
  f.exporter->connect();
  f.exporter->stall = true;
  f.exporter->fate_of = [](const StoredSet& stored) {
    return stored.seq % 2 == 0 ? Fate::delivered : Fate::unanswered;
  };
  f.commit(101, 106);
  REQUIRE(f.run_until([&] { return f.exporter->attempts == 1; }));
  f.stop_live.emit(asio::cancellation_type::terminal);
  REQUIRE(f.run_until([&] { return f.ended == 1; }));
  f.commit_nothing();
  CHECK(f.delivery->record().delivered() == 3);
  f.exporter->stall = false;
  f.exporter->fate_of = [](const StoredSet&) { return Fate::delivered; };
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->live == SeqList{102, 104, 106});
  std::ranges::sort(f.exporter->replay);
  CHECK(f.exporter->replay == SeqList{101, 103, 105});
}

TEST_CASE("one source that is refused for good: all others arrive, once, before and after an outage") {
  Fixture f;
  f.exporter->connect();
  f.exporter->rests_until["s1"] = SteadyTime::max();
  f.exporter->fate_of = [](const StoredSet& stored) {
    return is_of(stored, "s1") ? Fate::set_aside : Fate::delivered;
  };
  for (std::uint64_t first = 101; first < 401; first += 3) {
    f.commit(first, first + 2);
    REQUIRE(f.run_until([&] { return f.exporter->live.size() == 2 * (first - 98) / 3; }));
  }
  f.exporter->disconnect();
  f.commit(401, 3400);
  f.exporter->connect();
  f.commit(3401, 3403);
  REQUIRE(f.run_until_delivered());
  CHECK(f.delivery->record().delivered() == 2202);
  CHECK(f.delivery->record().set_aside() == 1101);
  CHECK(f.exporter->live.size() == 202);
  CHECK(f.exporter->replay.size() == 2000);
  CHECK(f.exporter->attempts < 110);

  SUBCASE("accepted some time later, what was set aside flows as replay and leaves the count") {
    f.exporter->fate_of = [](const StoredSet&) { return Fate::delivered; };
    f.exporter->rests_until.clear();
    f.exporter->disconnect();
    f.exporter->connect();
    REQUIRE(f.run_until([&] {
      f.commit_nothing();
      return f.delivery->record().delivered() == 3303;
    }));
    CHECK(f.delivery->record().set_aside() == 0);
    CHECK(f.delivery->record().backlog() == 0);
    CHECK(f.exporter->replay.size() == 3101);
  }
  SUBCASE("refused again at the next connection, it is asked for once") {
    f.exporter->rests_until.clear();
    f.exporter->disconnect();
    f.exporter->connect();
    const int before = f.exporter->attempts;
    f.commit_nothing();
    REQUIRE(f.run_until([&] { return f.exporter->attempts == before + 2; }));  // chunks of 2000 sets
    for (int i = 0; i < 20; ++i) {
      f.commit_nothing();
      f.io.run_one_for(10ms);
    }
    CHECK(f.exporter->attempts == before + 2);
    CHECK(f.delivery->record().set_aside() == 1101);
  }
}

TEST_CASE("one source that is not taken now holds up no other, and is tried again when its time has come") {
  Fixture f;
  f.exporter->connect();
  f.exporter->rests_until["s2"] = std::chrono::steady_clock::now() + 300ms;
  f.exporter->fate_of = [](const StoredSet& stored) {
    return is_of(stored, "s2") ? Fate::later : Fate::delivered;
  };
  f.commit(101, 106);
  f.commit(107, 109);
  REQUIRE(f.run_until([&] { return f.exporter->live.size() == 6; }));
  f.commit_nothing();
  CHECK(f.delivery->record().backlog() == 3);
  CHECK(f.exporter->attempts == 1);  // both commits together
  f.exporter->fate_of = [](const StoredSet&) { return Fate::delivered; };
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(f.run_until_delivered());
  CHECK(std::chrono::steady_clock::now() - began > 100ms);
  CHECK(f.exporter->replay == SeqList{101, 104, 107});
  CHECK(f.exporter->attempts == 2);
}
