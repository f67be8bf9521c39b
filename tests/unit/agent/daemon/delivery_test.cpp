#include "agent/daemon/delivery.h"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>

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
  awaitable<Result<Done>> publish(const std::vector<StoredSet>& sets, Lane lane) override {
    ++attempts;
    if (stall) co_await sleep_until(SteadyTime::max());
    if (refuse) co_return Fault{FaultClass::connection, "refused", 0};
    for (const StoredSet& stored : sets) (lane == Lane::live ? live : replay).push_back(stored.seq);
    co_return Done{};
  }
  void set_status(const std::vector<SourceStatus>&) override {}

  bool refuse = false, stall = false;
  int attempts = 0;
  std::vector<std::uint64_t> live, replay;

 private:
  std::string name_ = "ems";
  bool up_ = false;
  std::uint64_t connection_ = 0;
  asio::steady_timer changed_;
};

/// A delivery over a log in memory, with its two lanes running.
struct Fixture {
  asio::io_context io{1};
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
      sets.push_back({seq, set});
      log.push_back(sets.back());
    }
    static_cast<void>(delivery->record().begin_commit());
    delivery->record().end_commit(last - first + 1, {}, 0);
    delivery->offer(std::make_shared<const std::vector<StoredSet>>(sets));
  }

  void commit_nothing() {
    static_cast<void>(delivery->record().begin_commit());
    delivery->record().end_commit(0, {}, 0);
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

TEST_CASE("what is older than the live age when it is sent goes to the replay topics") {
  Fixture f;
  f.exporter->connect();
  f.commit(101, 102, 11s);
  f.commit(103, 104);
  REQUIRE(f.run_until_delivered());
  CHECK(f.exporter->replay == SeqList{101, 102});
  CHECK(f.exporter->live == SeqList{103, 104});
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
