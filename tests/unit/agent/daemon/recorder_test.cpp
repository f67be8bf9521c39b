#include "agent/daemon/recorder.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <csignal>

#include "agent/daemon/task_group.h"
#include "runtime/clock.h"
#include "tests/unit/agent/store/store_fixture.h"

using namespace flopwatt;
using namespace flopwatt::daemon;
using namespace std::chrono_literals;

namespace {

/// So many sets of a meter that are waiting to be sealed.
void accept(ReadingIntake& intake, std::uint64_t sets) {
  auto meter = std::make_shared<Source>();
  meter->kind = SourceKind::meter;
  meter->name = "main";
  meter->interval = meter->effective_period = 1s;
  meter->fields = {{.channel = {Quantity::frequency}}};
  const SourceId id = intake.add(meter);
  const Moment begun = now();
  for (std::uint64_t i = 0; i < sets; ++i) {
    const auto later_us = static_cast<std::int64_t>(i);
    intake.accept(id, {meter, {begun.wall_us + later_us, begun.monotonic_us + later_us}, 0, {50.0}}, {}, {});
  }
}

/// Accepts that many sets at once and is told to end while they are being stored, a transaction after
/// another.
awaitable<void> end_while_storing(ReadingIntake& intake, Recorder& recorder, TaskGroup& tasks,
                                  std::uint64_t sets) {
  accept(intake, sets);
  tasks.start(recorder.run_sealing());
  tasks.start(recorder.run_storing());
  // Not by the clock: at the first look after a transaction the next one is under way.
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (recorder.state().readings == 0 && std::chrono::steady_clock::now() < deadline)
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  co_await tasks.end_all();
}

/// Nothing can be written any more: the beats after the store has found that out.
awaitable<void> beat_without_a_store(ReadingIntake& intake, Recorder& recorder, TaskGroup& tasks,
                                     std::uint64_t& beats) {
  accept(intake, 100);
  tasks.start(recorder.run_sealing());
  tasks.start(recorder.run_storing());
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (recorder.state().up && std::chrono::steady_clock::now() < deadline)
    co_await sleep_until(std::chrono::steady_clock::now() + 5ms);
  const std::uint64_t before = recorder.heartbeat().count();
  while (beats < 5 && std::chrono::steady_clock::now() < deadline) {
    co_await sleep_until(std::chrono::steady_clock::now() + 5ms);
    beats = recorder.heartbeat().count() - before;
  }
  co_await tasks.end_all();
}

}  // namespace

TEST_CASE("a backlog of several transactions is stored whole when the agent ends amid them") {
  constexpr std::uint64_t sets = 17'000;
  const store::testing::Directory directory;
  Config config;
  config.store.path = directory.store();
  config.store.commit = 20ms;
  asio::io_context loop{1};
  ReadingIntake intake;
  Recorder recorder(config, intake,
                    store::testing::open_or_fail(store::testing::settings_for(config.store.path)));
  TaskGroup tasks(loop.get_executor());
  asio::co_spawn(loop, end_while_storing(intake, recorder, tasks, sets),
                 [](const std::exception_ptr& failure) {
                   if (failure) std::rethrow_exception(failure);
                 });
  loop.run();
  CHECK(recorder.state().readings > 0);
  CHECK(recorder.state().readings < sets);
  recorder.commit_rest();
  CHECK(recorder.state().readings == sets);
  CHECK(recorder.state().waiting_readings == 0);
}

TEST_CASE("a store that cannot commit takes no beat away") {
  const store::testing::Directory directory;
  Config config;
  config.store.path = directory.store();
  config.store.commit = 20ms;
  asio::io_context loop{1};
  ReadingIntake intake;
  Recorder recorder(config, intake,
                    store::testing::open_or_fail(store::testing::settings_for(config.store.path)));
  TaskGroup tasks(loop.get_executor());
  std::uint64_t beats = 0;
  asio::co_spawn(loop, beat_without_a_store(intake, recorder, tasks, beats),
                 [](const std::exception_ptr& failure) {
                   if (failure) std::rethrow_exception(failure);
                 });
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit nothing{1, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &nothing);
  loop.run();
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK_FALSE(recorder.state().up);
  CHECK(beats >= 5);
  CHECK(recorder.heartbeat().running(std::chrono::steady_clock::now()));
}
