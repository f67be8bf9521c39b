#include "agent/daemon/deliveries.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "agent/daemon/store_log.h"
#include "runtime/log.h"
#include "runtime/version.h"

namespace flopwatt::daemon {
namespace {

std::chrono::microseconds live_age(const Config& config) {
  return std::max<std::chrono::microseconds>(std::chrono::seconds(10), 3 * config.store.commit);
}

std::vector<std::string> names_of(const Config& config) {
  std::vector<std::string> names;
  for (const ExporterConfig& exporter : config.exporters) names.push_back(exporter.name);
  return names;
}

}  // namespace

Deliveries::Deliveries(std::span<const ExporterKind> kinds, const Config& config, Recorder& recorder,
                       const ReadingIntake& intake, TaskGroup& tasks)
    : kinds_(kinds), recorder_(recorder), intake_(intake), tasks_(tasks) {
  const store::Opened& opened = recorder_.opened();
  for (const ExporterConfig& exporter : config.exporters)
    add(exporter, config,
        DeliveryRecord(opened.exporters.at(exporter.name), opened.backlog.at(exporter.name)),
        opened.next_seq - 1);
}

void Deliveries::start() {
  for (Running& running : running_) start(running);
}

void Deliveries::add(const ExporterConfig& exporter, const Config& config, DeliveryRecord record,
                     std::uint64_t last_seq) {
  const auto read = [this](store::Span span, std::size_t max_sets) { return recorder_.read(span, max_sets); };
  const Delivery::Settings settings{live_age(config), last_seq};
  Running& added = running_.emplace_back();
  added.delivery = std::make_unique<Delivery>(make_exporter(kinds_, exporter, config.node, version),
                                              std::move(record), read, settings);
  recorder_.add_delivery(*added.delivery);
}

void Deliveries::start(Running& running) {
  Delivery& delivery = *running.delivery;
  delivery.exporter().set_status(intake_.status());
  running.tasks = {tasks_.start(delivery.run_connection()), tasks_.start(delivery.run_live()),
                   tasks_.start(delivery.run_replay())};
}

std::vector<Deliveries::Running>::iterator Deliveries::find(const std::string& name) {
  return std::ranges::find(running_, name,
                           [](const Running& running) { return running.delivery->exporter().name(); });
}

awaitable<Result<Done>> Deliveries::add(const ExporterChanges& changes, const Config& config) {
  if (changes.added.empty()) co_return Done{};
  std::vector<std::string> names = names_of(config);
  std::ranges::copy(changes.gone, std::back_inserter(names));  // still known for now
  const auto records = co_await recorder_.set_exporters(names);
  if (!records) co_return records.error();
  for (const ExporterConfig& exporter : changes.added) {
    const store::ExporterRecord& record = records->at(exporter.name);
    add(exporter, config, DeliveryRecord(record, 0), record.marks.low());
  }
  co_return Done{};
}

awaitable<void> Deliveries::change(const ExporterChanges& changes, const Config& config) {
  for (const Running& running : running_) running.delivery->set_live_age(live_age(config));
  std::vector<TaskGroup::Id> ending;
  const auto add_tasks_of = [&](const std::string& name) {
    std::ranges::copy(find(name)->tasks, std::back_inserter(ending));
  };
  std::ranges::for_each(changes.gone, add_tasks_of);
  std::ranges::for_each(changes.changed, add_tasks_of, &ExporterConfig::name);
  co_await tasks_.end(std::move(ending));

  for (const std::string& name : changes.gone) {
    co_await tell_what_is_left(*find(name)->delivery);
    remove(name);
  }
  for (const ExporterConfig& exporter : changes.changed) {
    Running& running = *find(exporter.name);
    running.delivery->replace_exporter(make_exporter(kinds_, exporter, config.node, version));
    start(running);
  }
  for (const ExporterConfig& exporter : changes.added) start(*find(exporter.name));
  if (changes.gone.empty()) co_return;
  if (const auto forgotten = co_await recorder_.set_exporters(names_of(config)); !forgotten)
    log::warn("the store forgets the removed exporters at the next start",
              {{"reason", forgotten.error().message}});
}

/// The store knows of that only what was committed.
awaitable<void> Deliveries::tell_what_is_left(Delivery& delivery) {
  constexpr std::uint64_t newest = std::uint64_t{1} << 62;
  const DeliveryRecord& record = delivery.record();
  store::ForgottenExporter gone{delivery.exporter().name(), record.undelivered(), std::nullopt};
  const auto first = record.first_undelivered(newest);
  if (gone.readings == 0 || !first) co_return;
  const auto oldest = co_await recorder_.read({*first, newest}, 1);
  if (oldest && !oldest->empty()) gone.since_us = oldest->front().set.time.wall_us;
  log_forgotten(gone);
}

void Deliveries::remove(const std::string& name) {
  const auto removed = find(name);
  recorder_.remove_delivery(*removed->delivery);
  running_.erase(removed);
}

std::vector<ExporterState> Deliveries::states() const {
  std::vector<ExporterState> states;
  for (const Running& running : running_) {
    const PushExporter& exporter = running.delivery->exporter();
    const DeliveryRecord& record = running.delivery->record();
    states.push_back({exporter.name(), exporter.up(), record.delivered(), record.dropped(), record.left_out(),
                      record.set_aside(), record.backlog(), exporter.refusals(), exporter.remarks()});
  }
  return states;
}

std::vector<CertificateExpiry> Deliveries::certificates() const {
  std::vector<CertificateExpiry> all;
  for (const Running& running : running_)
    std::ranges::move(running.delivery->exporter().certificates(), std::back_inserter(all));
  return all;
}

}  // namespace flopwatt::daemon
