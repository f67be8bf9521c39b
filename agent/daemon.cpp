#include "agent/daemon.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>

#include "agent/last_resort.h"
#include "agent/registry.h"
#include "exporters/mqtt/exporter.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/version.h"

namespace flopwatt::agent {
namespace {

/// From the signal to the end, whatever hangs (a disk in an endless wait): CONTRACT says 2 s.
constexpr std::chrono::milliseconds longest_farewell{1900};

}  // namespace

Daemon::Daemon(const Loaded& loaded, std::unique_ptr<store::Store> store)
    : loaded_(loaded),
      loaded_at_(now()),
      keeper_(loaded.config, hub_, std::move(store)),
      drivers_(make_drivers(loaded)),
      endpoint_(serving_.get_executor(), [this] { return ask_for_snapshot(); }) {
  make_deliveries();
}

Daemon::~Daemon() = default;

void Daemon::make_deliveries() {
  const store::Opened& opened = keeper_.opened();
  const auto live_age = std::max<microseconds>(std::chrono::seconds(10), 3 * loaded_.config.store.commit);
  for (const MqttConfig& mqtt : loaded_.config.mqtt) {
    Ledger ledger(opened.exporters.at(mqtt.name), opened.backlog.at(mqtt.name));
    const auto read = [this](store::Span span, std::size_t max_sets) { return keeper_.read(span, max_sets); };
    deliveries_.push_back(std::make_unique<Delivery>(make_exporter(mqtt, loaded_.config.node, version),
                                                     std::move(ledger), read,
                                                     Delivery::Settings{live_age, opened.next_seq - 1}));
    keeper_.add_delivery(*deliveries_.back());
  }
}

Result<Done> Daemon::listen() {
  if (!loaded_.config.prometheus.enabled) return Done{};
  const auto ports = endpoint_.listen(loaded_.config.prometheus.listen);
  if (!ports) return ports.error();
  for (const std::uint16_t port : *ports) log::info("listening for HTTP", {{"port", std::to_string(port)}});
  return Done{};
}

void Daemon::run() {
  auto serving_goes_on = asio::make_work_guard(serving_);
  std::jthread server([this] { serving_.run(); });
  std::exception_ptr failure;
  asio::co_spawn(metering_, run_tasks(),
                 [&failure](std::exception_ptr thrown) { failure = std::move(thrown); });
  metering_.run();
  // All serving tasks have ended with run_tasks(); what is left are timers of requests that nobody awaits any
  // more.
  serving_.stop();
  server.join();
  LastResort last_resort(longest_farewell,
                         "the store does not come to an end; what was not committed is lost");
  keeper_.commit_rest();
  if (failure) std::rethrow_exception(failure);
}

awaitable<void> Daemon::run_tasks() {
  std::vector<awaitable<void>> tasks;
  tasks.push_back(wait_for_signal());
  tasks.push_back(keeper_.run_sealing());
  tasks.push_back(keeper_.run_storing());
  if (loaded_.config.prometheus.enabled) tasks.push_back(run_serving());
  for (const auto& driver : drivers_) tasks.push_back(driver->run(hub_));
  for (const auto& delivery : deliveries_) {
    tasks.push_back(delivery->run_connection());
    tasks.push_back(delivery->run_live());
    tasks.push_back(delivery->run_replay());
  }
  co_await run_until_first_ends(std::move(tasks));
}

awaitable<void> Daemon::wait_for_signal() {
  asio::signal_set signals(metering_, SIGTERM, SIGINT);
  const int number = co_await signals.async_wait(asio::use_awaitable);
  log::info("ending", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
}

awaitable<void> Daemon::run_serving() {
  co_await asio::co_spawn(serving_, endpoint_.run(), asio::use_awaitable);
}

awaitable<SnapshotPtr> Daemon::ask_for_snapshot() {
  co_return co_await asio::co_spawn(metering_, make_snapshot(), asio::use_awaitable);
}

awaitable<SnapshotPtr> Daemon::make_snapshot() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->taken = now();
  snapshot->node = loaded_.config.node;
  snapshot->sources = hub_.states(snapshot->taken);
  snapshot->scopes = keeper_.figures(snapshot->taken);
  for (const auto& driver : drivers_)
    std::ranges::move(driver->bus_use(), std::back_inserter(snapshot->buses));
  snapshot->store = keeper_.state();
  for (const auto& delivery : deliveries_) {
    const Ledger& ledger = delivery->ledger();
    snapshot->exporters.push_back({delivery->exporter().name(), delivery->exporter().up(), ledger.delivered(),
                                   ledger.dropped(), ledger.backlog()});
  }
  snapshot->poll_duration = hub_.poll_duration();
  snapshot->poll_lateness = hub_.poll_lateness();
  snapshot->config_loaded_wall_us = loaded_at_.wall_us;
  snapshot->ready = hub_.all_polled() && snapshot->store.up;
  co_return snapshot;
}

}  // namespace flopwatt::agent
