#include "agent/daemon/daemon.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <chrono>
#include <csignal>
#include <iterator>
#include <thread>
#include <utility>

#include "agent/daemon/findings_log.h"
#include "agent/daemon/missing.h"
#include "exporters/mqtt/exporter.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/version.h"

namespace flopwatt::daemon {
namespace {

/// From the signal to the end, whatever hangs (a disk in an endless wait): CONTRACT says 2 s.
constexpr std::chrono::milliseconds longest_farewell{1900};
/// How often the line for `systemctl status` is looked at.
constexpr std::chrono::seconds status_period{5};

std::chrono::microseconds live_age(const Config& config) {
  return std::max<std::chrono::microseconds>(std::chrono::seconds(10), 3 * config.store.commit);
}

}  // namespace

Daemon::Daemon(std::shared_ptr<const Loaded> loaded, std::span<const accelerators::Vendor> vendors,
               std::unique_ptr<store::Store> store)
    : loaded_(std::move(loaded)),
      vendors_(vendors),
      loaded_at_(now()),
      signals_(metering_, SIGTERM, SIGINT, SIGHUP),
      tasks_(metering_.get_executor()),
      intake_(loaded_->config.scopes),
      recorder_(loaded_->config, intake_, std::move(store)),
      accelerator_numbers_(recorder_.opened().totals),
      endpoint_(serving_.get_executor(), [this](SnapshotDetail detail) { return ask_for_snapshot(detail); }) {
  prepare_exporters();
  const auto number_of = [this](std::string_view vendor, const std::string& pci) {
    const unsigned number = accelerator_numbers_.number_of(vendor, pci);
    recorder_.keep(accelerator_numbers_.take_changed());
    return number;
  };
  drivers_ = make_drivers(*loaded_, {vendors_, intake_.work(), number_of});
  const store::Opened& opened = recorder_.opened();
  for (const MqttConfig& mqtt : loaded_->config.mqtt)
    add_outlet(mqtt, DeliveryRecord(opened.exporters.at(mqtt.name), opened.backlog.at(mqtt.name)),
               opened.next_seq - 1);
}

Daemon::~Daemon() = default;

Result<Done> Daemon::listen() {
  const PrometheusConfig& prometheus = loaded_->config.prometheus;
  if (!prometheus.enabled) return Done{};
  const auto ports = endpoint_.listen(prometheus.listen);
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
  recorder_.commit_rest();
  exit_deadline_.reset();
  if (failure) std::rethrow_exception(failure);
}

awaitable<void> Daemon::run_tasks() {
  start_tasks();
  service_manager_.status(status_line());
  service_manager_.ready();
  std::exception_ptr failure;
  try {
    std::vector<awaitable<void>> ends;
    ends.push_back(watch_signals());
    ends.push_back(tasks_.until_one_ends_by_itself());
    co_await run_until_first_ends(std::move(ends));
  } catch (...) {
    failure = std::current_exception();
  }
  service_manager_.stopping();
  exit_deadline_.emplace(longest_farewell,
                         "the agent does not come to an end; what was not committed is lost");
  co_await tasks_.end_all();
  if (failure) std::rethrow_exception(failure);
}

void Daemon::start_tasks() {
  tasks_.start(recorder_.run_sealing());
  tasks_.start(recorder_.run_storing());
  if (loaded_->config.prometheus.enabled) tasks_.start(run_serving());
  for (const ReloadableDriver& each : drivers_) tasks_.start(each.driver->run(intake_));
  for (Outlet& outlet : outlets_) start_outlet(outlet);
  tasks_.start(reload_when_asked());
  tasks_.start(keep_service_manager_informed());
}

awaitable<void> Daemon::watch_signals() {
  for (;;) {
    const int number = co_await signals_.async_wait(asio::use_awaitable);
    if (number != SIGHUP) {
      log::info("ending", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
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
    // A batch that went all the way from the drivers through accounting is progress.
    service_manager_.progress(recorder_.sealed_batches(), Clock::now());
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
  for (const Outlet& outlet : outlets_)
    line += "; exporter " + outlet.delivery->exporter().name() +
            (outlet.delivery->exporter().up() ? " up" : " down");
  if (!last_reload_successful_) line += "; the last reload failed, see the log";
  return line;
}

void Daemon::add_outlet(const MqttConfig& mqtt, DeliveryRecord record, std::uint64_t last_seq) {
  const auto read = [this](store::Span span, std::size_t max_sets) { return recorder_.read(span, max_sets); };
  const Delivery::Settings settings{live_age(loaded_->config), last_seq};
  Outlet& outlet = outlets_.emplace_back();
  outlet.delivery = std::make_unique<Delivery>(make_exporter(mqtt, loaded_->config.node, version),
                                               std::move(record), read, settings);
  recorder_.add_delivery(*outlet.delivery);
}

void Daemon::start_outlet(Outlet& outlet) {
  outlet.delivery->exporter().set_status(intake_.status());
  outlet.tasks = {tasks_.start(outlet.delivery->run_connection()), tasks_.start(outlet.delivery->run_live()),
                  tasks_.start(outlet.delivery->run_replay())};
}

std::vector<Daemon::Outlet>::iterator Daemon::find_outlet(const std::string& name) {
  return std::ranges::find(outlets_, name,
                           [](const Outlet& outlet) { return outlet.delivery->exporter().name(); });
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
    return std::make_shared<const Loaded>(
        load_config(file, default_data_paths(), accelerators::keys_of(vendors_)));
  };
  const std::shared_ptr<const Loaded> anew = co_await offload(reload_thread_, load);
  log_findings(anew->findings);
  const auto restart_keys = need_restart(loaded_->config, anew->config);
  if (!anew->has_errors())
    for (const std::string& key : restart_keys) log::error("restart needed", {{"to_change", key}});
  if (anew->has_errors() || !restart_keys.empty()) {
    log::error("the configuration was not reloaded; the old one goes on", {{"configuration", file.string()}});
    co_return false;
  }
  co_return co_await apply(anew);
}

awaitable<bool> Daemon::apply(std::shared_ptr<const Loaded> anew) {
  const Config& config = anew->config;
  const ExporterChanges changes = exporter_changes(loaded_->config.mqtt, config.mqtt);
  // First of all, since it can fail: then nothing has changed.
  if (!changes.added.empty() && !co_await add_exporters(changes, config)) co_return false;
  const std::shared_ptr<const Loaded> before = std::exchange(loaded_, anew);
  for (const ReloadableDriver& each : drivers_) each.apply(*anew);
  intake_.set_scopes(config.scopes);
  recorder_.reconfigure(config);
  co_await recorder_.set_store_limits(config.store);
  co_await change_exporters(changes);
  loaded_at_ = now();
  log::info("the configuration was reloaded", {{"configuration", config.file.string()}});
  co_return true;
}

awaitable<bool> Daemon::add_exporters(const ExporterChanges& changes, const Config& config) {
  std::vector<std::string> names = changes.gone;  // still known for now
  for (const MqttConfig& mqtt : config.mqtt) names.push_back(mqtt.name);
  const auto records = co_await recorder_.set_exporters(names);
  if (!records) {
    log::error(
        "the configuration was not reloaded: the store cannot take up new exporters; send SIGHUP again",
        {{"reason", records.error().message}});
    co_return false;
  }
  // At once: their backlog begins with the next commit.
  for (const MqttConfig* mqtt : changes.added) {
    const store::ExporterRecord& record = records->at(mqtt->name);
    add_outlet(*mqtt, DeliveryRecord(record, 0), record.marks.low());
  }
  co_return true;
}

/// Those that were added are there, but do not run yet: one that goes may have their topics until it ends.
awaitable<void> Daemon::change_exporters(const ExporterChanges& changes) {
  for (const Outlet& outlet : outlets_) outlet.delivery->set_live_age(live_age(loaded_->config));
  std::vector<TaskGroup::Id> ending;
  const auto add_tasks_of = [&](const std::string& name) {
    std::ranges::copy(find_outlet(name)->tasks, std::back_inserter(ending));
  };
  std::ranges::for_each(changes.gone, add_tasks_of);
  for (const MqttConfig* mqtt : changes.changed) add_tasks_of(mqtt->name);
  co_await tasks_.end(std::move(ending));  // they take their leave from the brokers

  for (const std::string& name : changes.gone) {
    const auto outlet = find_outlet(name);
    recorder_.remove_delivery(*outlet->delivery);
    outlets_.erase(outlet);
  }
  for (const MqttConfig* mqtt : changes.changed) {
    Outlet& outlet = *find_outlet(mqtt->name);
    outlet.delivery->replace_exporter(make_exporter(*mqtt, loaded_->config.node, version));
    start_outlet(outlet);
  }
  for (const MqttConfig* mqtt : changes.added) start_outlet(*find_outlet(mqtt->name));
  if (changes.gone.empty()) co_return;
  std::vector<std::string> names;
  for (const MqttConfig& mqtt : loaded_->config.mqtt) names.push_back(mqtt.name);
  if (const auto forgotten = co_await recorder_.set_exporters(names); !forgotten)
    log::warn("the store forgets the removed exporters at the next start",
              {{"reason", forgotten.error().message}});
}

awaitable<SnapshotPtr> Daemon::ask_for_snapshot(SnapshotDetail detail) {
  co_return co_await asio::co_spawn(metering_, make_snapshot(detail), asio::use_awaitable);
}

void Daemon::explain_missing(std::vector<SourceState>& sources) const {
  for (SourceState& state : sources) {
    if (!state.is_up()) continue;
    state.missing = missing_of(*state.newest, [&](Channel channel) {
      for (const ReloadableDriver& each : drivers_)
        if (std::string reason = each.driver->why_absent(state.id, channel); !reason.empty()) return reason;
      return std::string();
    });
  }
}

awaitable<SnapshotPtr> Daemon::make_snapshot(SnapshotDetail detail) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->taken = now();
  snapshot->node = loaded_->config.node;
  snapshot->sources = intake_.states(snapshot->taken);
  if (detail == SnapshotDetail::reasons) explain_missing(snapshot->sources);
  snapshot->scopes = recorder_.figures(snapshot->taken);
  for (const ReloadableDriver& each : drivers_) {
    std::ranges::move(each.driver->bus_use(), std::back_inserter(snapshot->buses));
    std::ranges::move(each.driver->rejected_lines(), std::back_inserter(snapshot->rejected_work_lines));
  }
  snapshot->store = recorder_.state();
  for (const Outlet& outlet : outlets_) {
    const PushExporter& exporter = outlet.delivery->exporter();
    const DeliveryRecord& record = outlet.delivery->record();
    snapshot->exporters.push_back(
        {exporter.name(), exporter.up(), record.delivered(), record.dropped(), record.backlog()});
  }
  snapshot->poll_duration = intake_.poll_duration();
  snapshot->poll_lateness = intake_.poll_lateness();
  snapshot->config_loaded_wall_us = loaded_at_.wall_us;
  snapshot->last_reload_successful = last_reload_successful_;
  snapshot->ready = intake_.all_polled() && snapshot->store.up;
  co_return snapshot;
}

}  // namespace flopwatt::daemon
