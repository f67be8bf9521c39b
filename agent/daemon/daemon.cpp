#include "agent/daemon/daemon.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include "agent/daemon/descriptors.h"
#include "agent/daemon/findings_log.h"
#include "agent/daemon/reload.h"
#include "runtime/clock.h"
#include "runtime/log.h"

namespace flopwatt::daemon {
namespace {

/// From the signal to the end, whatever hangs (a disk in an endless wait): CONTRACT says 2 s.
constexpr std::chrono::milliseconds longest_farewell{1900};
constexpr const char* farewell_missed = "the agent does not come to an end; what was not committed is lost";
/// How often the line for `systemctl status` is looked at.
constexpr std::chrono::seconds status_period{5};

std::string what_of(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& thrown) {
    return thrown.what();
  } catch (...) {
    return "an exception without a text";
  }
}

}  // namespace

Daemon::Daemon(std::shared_ptr<const Loaded> loaded, std::unique_ptr<store::Store> store,
               std::span<const accelerators::Vendor> vendors, std::span<const ExporterKind> exporters)
    : loaded_(std::move(loaded)),
      vendors_(vendors),
      loaded_at_(now()),
      signals_(metering_, SIGTERM, SIGINT, SIGHUP),
      end_signals_(serving_, SIGTERM, SIGINT),
      tasks_(metering_.get_executor()),
      intake_(loaded_->config.scopes),
      recorder_(loaded_->config, intake_, std::move(store)),
      accelerator_numbers_(recorder_.opened().totals),
      exporter_kinds_(exporters),
      deliveries_(exporters, loaded_->config, recorder_, intake_, tasks_),
      snapshot_maker_(intake_, recorder_, drivers_, deliveries_),
      endpoint_(serving_.get_executor(), [this](SnapshotDetail detail) { return ask_for_snapshot(detail); }) {
  const auto number_of = [this](std::string_view vendor, const std::string& pci) {
    const unsigned number = accelerator_numbers_.number_of(vendor, pci);
    recorder_.keep(accelerator_numbers_.take_changed());
    return number;
  };
  drivers_ = make_drivers(*loaded_, {vendors_, intake_.work(), number_of});
}

Daemon::~Daemon() = default;

Result<Done> Daemon::listen() {
  const PrometheusConfig& prometheus = loaded_->config.prometheus;
  if (!prometheus.enabled) return Done{};
  auto guard = prometheus::watch_web_guard(loaded_->web_config);
  if (!guard) return guard.error();
  endpoint_.guard_by(*std::move(guard));
  endpoint_.limit_connections(http_connections(loaded_->config));
  const auto ports = listen_on(prometheus.listen);
  if (!ports) return ports.error();
  for (const std::uint16_t port : *ports) log::info("listening for HTTP", {{"port", std::to_string(port)}});
  return Done{};
}

// Sockets of the service manager take the place of configured addresses.
Result<std::vector<std::uint16_t>> Daemon::listen_on(const std::vector<ListenAddress>& addresses) {
  const std::vector<int> sockets = ServiceManager::listening_sockets();
  if (sockets.empty()) return endpoint_.listen(addresses);
  std::vector<std::uint16_t> ports;
  for (const int socket : sockets) {
    const auto port = endpoint_.adopt(socket);
    if (!port) return port.error();
    ports.push_back(*port);
  }
  return ports;
}

void Daemon::run() {
  auto serving_goes_on = asio::make_work_guard(serving_);
  end_signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) exit_deadline_.arm(longest_farewell, farewell_missed);
  });
  std::thread server = start_needed_thread("the HTTP endpoint", [this] { serving_.run(); });
  std::exception_ptr failure;
  asio::co_spawn(metering_, run_tasks(),
                 [&failure](std::exception_ptr thrown) { failure = std::move(thrown); });
  run_metering();
  // All serving tasks have ended with run_tasks(); what is left are timers of requests that nobody awaits any
  // more.
  serving_.stop();
  server.join();
  recorder_.commit_rest();
  if (failure) std::rethrow_exception(failure);
}

void Daemon::run_metering() {
  for (bool again = true; std::exchange(again, false);) {
    try {
      metering_.run();
    } catch (...) {  // of a handler, not of a task
      tasks_.fail(std::current_exception());
      again = true;
    }
  }
}

awaitable<void> Daemon::run_tasks() {
  std::exception_ptr failure;
  try {
    start_tasks();
    service_manager_.status(status_line());
    service_manager_.ready();
    std::vector<awaitable<void>> ends;
    ends.push_back(watch_signals());
    ends.push_back(tasks_.until_one_ends_by_itself());
    co_await run_until_first_ends(std::move(ends));
  } catch (...) {
    failure = std::current_exception();
  }
  service_manager_.stopping();
  exit_deadline_.arm(longest_farewell, farewell_missed);
  if (failure) log::error("a task of the agent failed: the agent ends", {{"what", what_of(failure)}});
  co_await tasks_.end_all();
  if (failure) std::rethrow_exception(failure);
}

void Daemon::start_tasks() {
  tasks_.start(recorder_.run_sealing());
  tasks_.start(recorder_.run_storing());
  if (loaded_->config.prometheus.enabled) tasks_.start(run_serving());
  for (const ReloadableDriver& each : drivers_) tasks_.start(each.driver->run(intake_));
  deliveries_.start();
  tasks_.start(reload_when_asked());
  tasks_.start(keep_service_manager_informed());
}

awaitable<void> Daemon::watch_signals() {
  for (;;) {
    const int number = co_await signals_.async_wait(asio::use_awaitable);
    if (number != SIGHUP) {
      log::info("stopping", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
      co_return;
    }
    reload_asked_ = true;
    reload_due_.notify();
  }
}

awaitable<void> Daemon::run_serving() {
  co_await asio::co_spawn(serving_, endpoint_.run(), asio::use_awaitable);
}

awaitable<void> Daemon::keep_service_manager_informed() {
  using Clock = ServiceManager::Clock;
  const auto period = std::min<Clock::duration>(status_period, service_manager_.period() / 4);
  Clock::time_point status_due = Clock::now() + status_period;
  for (;;) {
    co_await sleep_until(Clock::now() + period);
    // A beat of the metering loop is progress; answers of devices and the state of the store are not.
    service_manager_.progress(recorder_.heartbeat().count(), Clock::now());
    if (Clock::now() < status_due) continue;
    service_manager_.status(status_line());
    status_due = Clock::now() + status_period;
  }
}

std::string Daemon::status_line() const {
  const std::vector<SourceStatus> sources = intake_.status();
  const auto up = std::ranges::count_if(sources, &SourceStatus::up);
  const bool store_up = recorder_.state().up;
  std::string line = std::to_string(up) + " of " + std::to_string(sources.size()) + " sources up; store " +
                     (store_up ? "up" : "down, readings wait in memory");
  for (const ExporterState& exporter : deliveries_.states())
    line += "; exporter " + exporter.name + (exporter.up ? " up" : " down");
  if (!last_reload_successful_) line += "; the last reload failed, see the log";
  return line;
}

awaitable<void> Daemon::reload_when_asked() {
  for (;;) {
    while (!reload_asked_) co_await reload_due_.wait();
    reload_asked_ = false;  // signals that come from now on ask for another one
    service_manager_.reloading();
    last_reload_successful_ = co_await reload();
    service_manager_.status(status_line());
    service_manager_.ready();
  }
}

awaitable<bool> Daemon::reload() {
  const std::filesystem::path file = loaded_->config.file;
  log::info("reloading the configuration", {{"configuration", file.string()}});
  const auto load = [&file, this] {
    return std::make_shared<const Loaded>(load_config(
        file, default_data_paths(), {accelerators::keys_of(vendors_), sections_of(exporter_kinds_)}));
  };
  const std::shared_ptr<const Loaded> next = co_await offload(reload_thread_, load);
  log_findings(next->findings);
  const auto restart_keys = need_restart(loaded_->config, next->config);
  if (!next->has_errors())
    for (const std::string& key : restart_keys) log::error("restart needed", {{"to_change", key}});
  if (next->has_errors() || !restart_keys.empty()) {
    log::error("the configuration was not reloaded; keeping the old configuration",
               {{"configuration", file.string()}});
    co_return false;
  }
  co_return co_await apply(next);
}

awaitable<bool> Daemon::apply(std::shared_ptr<const Loaded> next) {
  const Config& config = next->config;
  const auto load_guard = [path = next->web_config] { return prometheus::watch_web_guard(path); };
  const auto guard = co_await offload(reload_thread_, load_guard);
  if (!guard) {
    log::error("the configuration was not reloaded: the web configuration cannot be used",
               {{"reason", guard.error().message}});
    co_return false;
  }
  const ExporterChanges changes = exporter_changes(loaded_->config.exporters, config.exporters);
  // Both first of all, since they can fail: then nothing has changed.
  if (const auto added = co_await deliveries_.add(changes, config); !added) {
    log::error(
        "the configuration was not reloaded: the store cannot take up new exporters; send SIGHUP again",
        {{"reason", added.error().message}});
    co_return false;
  }
  const std::shared_ptr<const Loaded> before = std::exchange(loaded_, next);
  for (const ReloadableDriver& each : drivers_) each.apply(*next);
  intake_.set_scopes(config.scopes);
  recorder_.reconfigure(config);
  co_await recorder_.set_store_limits(config.store);
  co_await deliveries_.change(changes, config);
  const std::size_t connections = http_connections(config);
  asio::post(serving_, [this, connections, files = *guard] {
    endpoint_.guard_by(files);
    endpoint_.limit_connections(connections);
  });
  loaded_at_ = now();
  log::info("the configuration was reloaded", {{"configuration", config.file.string()}});
  co_return true;
}

awaitable<SnapshotPtr> Daemon::ask_for_snapshot(SnapshotDetail detail) {
  co_return co_await asio::co_spawn(metering_, make_snapshot(detail), asio::use_awaitable);
}

awaitable<SnapshotPtr> Daemon::make_snapshot(SnapshotDetail detail) {
  co_return snapshot_maker_.make({loaded_->config, loaded_at_, last_reload_successful_}, detail);
}

}  // namespace flopwatt::daemon
