#include "exporters/prometheus/agent_series.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "runtime/log.h"
#include "runtime/version.h"

namespace flopwatt::prometheus {
namespace {

using ::prometheus::ClientMetric;
using ::prometheus::MetricFamily;
using ::prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;
using Families = std::vector<MetricFamily>;

constexpr double microseconds_per_second = 1e6;

void add(MetricFamily& family, Labels labels, double value) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

void add(MetricFamily& family, Labels labels, std::uint64_t value) {
  add(family, std::move(labels), static_cast<double>(value));
}

MetricFamily one(MetricType type, std::string name, std::string help, double value, Labels labels = {}) {
  MetricFamily family{std::move(name), std::move(help), type, {}};
  add(family, std::move(labels), value);
  return family;
}

// One family with one sample for each of `items`, labelled with its name.
template <class Items, class NameOf, class ValueOf>
MetricFamily each(MetricFamily family, const Items& items, const char* label, NameOf name_of,
                  ValueOf value_of) {
  family.metric.reserve(items.size());
  for (const auto& item : items)
    add(family, {{label, std::string(name_of(item))}}, static_cast<double>(value_of(item)));
  return family;
}

void add_sources(Families& families, const std::vector<SourceState>& sources) {
  const auto of_source = [&](MetricType type, const char* name, const char* help, auto value_of) {
    const auto name_of = [](const SourceState& state) { return state.source->name; };
    families.push_back(each({name, help, type, {}}, sources, "source", name_of, value_of));
  };
  of_source(MetricType::Gauge, "flopwatt_source_up",
            "1 while the source has a good reading that is not stale.",
            [](const SourceState& state) { return state.is_up() ? 1 : 0; });
  of_source(MetricType::Gauge, "flopwatt_source_last_reading_timestamp_seconds",
            "Time of the newest good reading, 0 before the first.", [](const SourceState& state) {
              const std::int64_t wall_us = state.newest ? state.newest->time.wall_us : 0;
              return static_cast<double>(wall_us) / microseconds_per_second;
            });
  of_source(MetricType::Counter, "flopwatt_polls_total", "Polls of the source that have ended, well or not.",
            [](const SourceState& state) { return state.polls; });
  of_source(MetricType::Counter, "flopwatt_polls_skipped_total",
            "Polls left out because the one before, or the bus, took too long.",
            [](const SourceState& state) { return state.skipped; });

  MetricFamily failures{
      "flopwatt_poll_failures_total", "Polls that failed, by class of fault.", MetricType::Counter, {}};
  failures.metric.reserve(sources.size() * all_fault_classes.size());
  for (const SourceState& state : sources)
    for (const FaultClass fault : all_fault_classes)
      add(failures, {{"source", state.source->name}, {"fault", std::string(flopwatt::name_of(fault))}},
          state.failures[fault]);
  families.push_back(std::move(failures));
}

MetricFamily histogram_of(const char* name, const char* help, const HistogramState& state) {
  MetricFamily family{name, help, MetricType::Histogram, {}};
  auto& histogram = family.metric.emplace_back().histogram;
  for (std::size_t i = 0; i < state.counts.size(); ++i) {
    histogram.sample_count += state.counts[i];
    const double bound = i < state.bounds.size() ? state.bounds[i] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({histogram.sample_count, bound});
  }
  histogram.sample_sum = state.sum;
  return family;
}

void add_polling(Families& families, const Snapshot& snapshot) {
  families.push_back(
      histogram_of("flopwatt_poll_duration_seconds", "How long a poll took.", snapshot.poll_duration));
  families.push_back(histogram_of("flopwatt_poll_lateness_seconds",
                                  "How long after its due time a poll began.", snapshot.poll_lateness));
}

void add_store(Families& families, const StoreState& store) {
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    families.push_back(one(MetricType::Counter, name, help, static_cast<double>(value)));
  };
  const auto gauge = [&](const char* name, const char* help, double value) {
    families.push_back(one(MetricType::Gauge, name, help, value));
  };
  gauge("flopwatt_store_up", "1 while readings can be stored.", store.up ? 1 : 0);
  counter("flopwatt_store_readings_total", "Readings stored since the store was made.", store.readings);
  counter("flopwatt_store_discarded_readings_total",
          "Readings given up because the store could not take them for too long.", store.discarded_readings);
  gauge("flopwatt_store_waiting_readings", "Readings read and not yet stored.",
        static_cast<double>(store.waiting_readings));
  gauge("flopwatt_store_size_bytes", "Size of the store on disk.", static_cast<double>(store.size_bytes));
  if (store.oldest_wall_us != 0)
    gauge("flopwatt_store_oldest_timestamp_seconds", "Time of the oldest reading in the store.",
          static_cast<double>(store.oldest_wall_us) / microseconds_per_second);
}

void add_exporters(Families& families, const std::vector<ExporterState>& exporters) {
  const auto of_exporter = [&](MetricType type, const char* name, const char* help, auto member) {
    const auto name_of = [](const ExporterState& state) { return state.name; };
    const auto value_of = [member](const ExporterState& state) { return state.*member; };
    families.push_back(each({name, help, type, {}}, exporters, "exporter", name_of, value_of));
  };
  of_exporter(MetricType::Gauge, "flopwatt_exporter_up", "1 while the receiver takes readings.",
              &ExporterState::up);
  of_exporter(MetricType::Counter, "flopwatt_exporter_delivered_readings_total",
              "Readings that the receiver has acknowledged.", &ExporterState::delivered);
  of_exporter(MetricType::Counter, "flopwatt_exporter_dropped_readings_total",
              "Readings that the store's limits removed before they were delivered.",
              &ExporterState::dropped);
  of_exporter(MetricType::Counter, "flopwatt_exporter_left_out_readings_total",
              "Readings that `publish` and `every` of the exporter do not ask for.",
              &ExporterState::left_out);
  of_exporter(MetricType::Gauge, "flopwatt_exporter_backlog_readings",
              "Stored readings still to be delivered.", &ExporterState::backlog);
  of_exporter(MetricType::Gauge, "flopwatt_exporter_set_aside_readings",
              "Stored readings that the receiver refuses for good; they are tried again rarely.",
              &ExporterState::set_aside);
  MetricFamily refusals{
      "flopwatt_exporter_refusals_total",
      "Messages that the receiver refused, since the exporter was started or configured anew.",
      MetricType::Counter,
      {}};
  for (const ExporterState& state : exporters)
    for (const Refusals& refused : state.refusals)
      add(refusals, {{"exporter", state.name}, {"reason", std::string(refused.reason)}},
          static_cast<double>(refused.count));
  families.push_back(std::move(refusals));
}

// In days, since that is how operators write rules about certificates; a file that two exporters use counts once.
void add_certificates(Families& families, const Snapshot& snapshot) {
  constexpr double seconds_per_day = 86400;
  MetricFamily family{"flopwatt_certificate_expiry_days",
                      "Days until the certificate expires; below 0 it has.",
                      MetricType::Gauge,
                      {}};
  const double now_s = static_cast<double>(snapshot.taken.wall_us) / microseconds_per_second;
  for (auto one = snapshot.certificates.begin(); one != snapshot.certificates.end(); ++one) {
    const auto is_same = [one](const CertificateExpiry& other) {
      return other.file == one->file && other.usage == one->usage && other.subject == one->subject;
    };
    if (std::any_of(snapshot.certificates.begin(), one, is_same)) continue;
    add(family, {{"file", one->file}, {"usage", one->usage}, {"subject", one->subject}},
        (static_cast<double>(one->expires_wall_s) - now_s) / seconds_per_day);
  }
  families.push_back(std::move(family));
}

MetricFamily family_of(const flopwatt::MetricFamily& own) {
  const bool counts = own.type == flopwatt::MetricFamily::Type::counter;
  MetricFamily family{
      std::string(own.name), std::string(own.help), counts ? MetricType::Counter : MetricType::Gauge, {}};
  family.metric.reserve(own.samples.size());
  for (const flopwatt::MetricFamily::Sample& sample : own.samples) {
    Labels labels;
    for (const auto& [name, value] : sample.labels) labels.push_back({std::string(name), value});
    add(family, std::move(labels), sample.value);
  }
  return family;
}

void add_program(Families& families, const Snapshot& snapshot) {
  const auto gauge = [&](const char* name, const char* help, double value, Labels labels = {}) {
    families.push_back(one(MetricType::Gauge, name, help, value, std::move(labels)));
  };
  gauge("flopwatt_config_last_reload_successful", "1 if the newest configuration file could be used.",
        snapshot.last_reload_successful ? 1 : 0);
  gauge("flopwatt_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was loaded.",
        static_cast<double>(snapshot.config_loaded_wall_us) / microseconds_per_second);
  gauge("flopwatt_node_info", "Name of the node that this agent speaks for.", 1, {{"node", snapshot.node}});
  gauge("flopwatt_build_info", "Which flopwatt this is.", 1,
        {{"version", std::string(version)}, {"revision", std::string(revision)}});
  families.push_back(one(MetricType::Counter, "flopwatt_log_dropped_lines_total",
                         "Lines of the log given up because standard error was not read.",
                         static_cast<double>(log::dropped_lines())));
}

}  // namespace

Families AgentSeries::Collect() const {
  Families families;
  add_sources(families, snapshot_.sources);
  add_polling(families, snapshot_);
  for (const flopwatt::MetricFamily& family : snapshot_.driver_metrics) families.push_back(family_of(family));
  add_store(families, snapshot_.store);
  add_exporters(families, snapshot_.exporters);
  add_certificates(families, snapshot_);
  add_program(families, snapshot_);
  return families;
}

}  // namespace flopwatt::prometheus
