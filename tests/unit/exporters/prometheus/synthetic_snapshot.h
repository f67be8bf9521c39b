// A snapshot with everything that a page can show, and every way in which a figure can be missing.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exporters/snapshot.h"
#include "readings/missing_reason.h"

namespace flopwatt::test {

inline constexpr std::int64_t noon_us = 1'795'437'841'250'000;  // 2026-11-23T12:44:01.250Z

struct Reading {
  Channel channel;
  double value;
};

inline ReadingSet set_of(Source source, const std::vector<Reading>& readings) {
  ReadingSet set;
  set.time.wall_us = noon_us;
  for (const Reading& reading : readings) {
    source.fields.push_back({.channel = reading.channel});
    set.values.push_back(reading.value);
  }
  set.source = std::make_shared<const Source>(std::move(source));
  return set;
}

inline Source source_of(SourceKind kind, std::string name) {
  Source source;
  source.kind = kind;
  source.name = std::move(name);
  source.interval = std::chrono::seconds(1);
  return source;
}

inline SourceState state_of(ReadingSet set, bool stale = false) {
  SourceState state;
  state.newest = std::make_shared<const ReadingSet>(std::move(set));
  state.source = state.newest->source;
  state.stale = stale;
  state.polls = 100;
  return state;
}

inline SourceState full_meter() {
  using Q = Quantity;
  Source meter = source_of(SourceKind::meter, "pdu-a");
  meter.identity.vendor = "Eastron";
  meter.identity.model = "SDM630 \"MCT\"\nV2 \\ C";  // every character that a label escapes
  meter.identity.serial = "12\xFF";                  // not UTF-8
  meter.identity.profile = "eastron-sdm630";
  meter.identity.accuracy_class = "0.5";
  meter.identity.feed = "A";
  meter.identity.branch_labels = {{7, "gpu-01-psu1"}};
  SourceState state = state_of(set_of(std::move(meter), {{{Q::voltage, Place::l1}, 230.1},
                                                         {{Q::active_power}, 1201.25},
                                                         {{Q::voltage, Place::l2}, 231},
                                                         {{Q::current, Place::n}, 0.25},
                                                         {{Q::voltage, Place::l1_l2}, 400.2},
                                                         {{Q::active_power, Place::l1}, 400.5},
                                                         {{Q::apparent_power}, 1300},
                                                         {{Q::reactive_power}, -12.5},
                                                         {{Q::power_factor}, absent},
                                                         {{Q::voltage}, 230.5},
                                                         {{Q::current}, 5.25},
                                                         {{Q::frequency}, 50.01},
                                                         {{Q::energy_import}, 1000.5},
                                                         {{Q::energy_export}, 0},
                                                         {{Q::current, Place::branch, 12}, 1.5},
                                                         {{Q::active_power, Place::branch, 12}, absent},
                                                         {{Q::energy_import, Place::branch, 7}, 10},
                                                         {{Q::current, Place::branch, 7}, 2.5},
                                                         {{Q::active_power, Place::branch, 7}, 600.5}}));
  state.skipped = 2;
  state.failures.add(FaultClass::timeout, 3);
  return state;
}

inline SourceState stale_meter() {
  SourceState state = state_of(set_of(source_of(SourceKind::meter, "pdu-b"),
                                      {{{Quantity::active_power}, 999}, {{Quantity::energy_import}, 999}}),
                               true);
  state.failures.add(FaultClass::connection, 7);
  state.last_fault = "cannot read pdu-b: connection refused";
  return state;
}

inline ReadingSet accelerator_set(const std::string& name, const std::string& uuid) {
  using Q = Quantity;
  Source accelerator = source_of(SourceKind::accelerator, name);
  accelerator.identity.vendor = "NVIDIA";
  accelerator.identity.model = "H200";
  accelerator.identity.uuid = uuid;
  accelerator.identity.pci = "0000:41:00.0";
  accelerator.identity.driver = "550.54";
  accelerator.identity.energy_source = EnergySource::counter;
  return set_of(std::move(accelerator), {{{Q::power}, 310.5},
                                         {{Q::power_limit}, 700},
                                         {{Q::energy}, 1234567.875},
                                         {{Q::utilization}, 0.97},
                                         {{Q::memory_used}, 85'899'345'920},
                                         {{Q::memory_total}, 150'000'000'000},
                                         {{Q::core_clock}, 1.98e9},
                                         {{Q::temperature}, 54},
                                         {{Q::pipe_active, Place::hmma}, 0.5},
                                         {{Q::pipe_active, Place::fp32_pipe}, 0.25},
                                         {{Q::counted_work, Place::bf16}, 1.25e18},
                                         {{Q::counted_work, Place::unspecified_precision}, 0},
                                         {{Q::model_work, Place::bf16}, 1.2e18},
                                         {{Q::pipe_work, Place::assumed_bf16}, 1.5e18},
                                         {{Q::pipe_work, Place::fp32}, 2.5e15},
                                         {{Q::estimated_work, Place::assumed_bf16}, 3e18},
                                         {{Q::peak_rate, Place::bf16}, 9.895e14},
                                         {{Q::work}, 1.5025e18},
                                         {{Q::pipe_work_low}, 1e18},
                                         {{Q::pipe_work_high}, 2e18},
                                         {{Q::method}, static_cast<double>(Method::pipe)}});
}

inline SourceState unread_accelerator() {
  SourceState state = state_of(accelerator_set("nvidia2", "GPU-2"), true);
  state.newest = nullptr;
  state.polls = 0;
  return state;
}

inline WindowFigures window_of(const std::string& scope, const std::string& text, double joules_per_flop) {
  using Q = Quantity;
  Source source = source_of(SourceKind::window, scope + "/" + text);
  source.interval = std::chrono::minutes(1);
  WindowFigures window;
  window.method = Method::pipe;
  window.terms = {{"meter class", 0.0029}, {"sampling", 0.001}};
  const bool known = is_known(joules_per_flop);
  std::vector<Reading> values;
  for (const Place place : {Place::whole, Place::by_pipe})
    values.insert(
        values.end(),
        {{{Q::power, place}, 1201},
         {{Q::energy, place}, 72060},
         {{Q::work, place}, known ? 6e16 : absent},
         {{Q::joules_per_flop, place}, joules_per_flop},
         {{Q::joules_per_flop_low, place}, joules_per_flop * 0.9},
         {{Q::joules_per_flop_high, place}, joules_per_flop * 1.1},
         {{Q::flop_per_second_per_watt, place}, 1 / joules_per_flop},
         {{Q::uncertainty, place}, known ? 0.0061 : absent},
         {{Q::coverage, place}, known ? 1 : 0.5},
         {{Q::missing, place}, static_cast<double>(known ? MissingReason::none : MissingReason::coverage)}});
  values.insert(values.end(), {{{Q::interim_pue}, known ? 1.25 : absent},
                               {{Q::method}, static_cast<double>(Method::pipe)}});
  window.figures = set_of(std::move(source), values);
  return window;
}

inline ScopeFigures full_scope() {
  using Q = Quantity;
  ScopeFigures scope;
  scope.name = "rack-r12";
  scope.from_meters = true;
  scope.figures =
      set_of(source_of(SourceKind::scope, scope.name), {{{Q::power}, 1201.25},
                                                        {{Q::unaccounted_power}, 890.75},
                                                        {{Q::energy}, 5e9},
                                                        {{Q::device_energy}, 2e9},
                                                        {{Q::work, Place::by_pipe}, 1.25e19},
                                                        {{Q::covered_energy, Place::by_pipe}, 4e9},
                                                        {{Q::covered_work, Place::by_pipe}, 1.2e19}});
  scope.windows = {window_of(scope.name, "1m", 1.25e-12), window_of(scope.name, "15m", absent)};
  return scope;
}

/// A scope of devices alone whose work has no method yet.
inline ScopeFigures idle_scope() {
  using Q = Quantity;
  ScopeFigures scope;
  scope.name = "bench";
  scope.parent = "rack-r12";
  scope.figures = set_of(source_of(SourceKind::scope, scope.name),
                         {{{Q::power}, absent}, {{Q::energy}, 0}, {{Q::device_energy}, 0}});
  return scope;
}

/// What a bus driver of two units and the driver of counted work count.
inline std::vector<MetricFamily> driver_metrics() {
  using Type = MetricFamily::Type;
  const auto of_units = [](const std::vector<double>& pdu_a, const std::vector<double>& pdu_b) {
    std::vector<MetricFamily::Sample> samples;
    const auto add = [&](const std::string& source, const std::vector<double>& values) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        samples.push_back({{{"source", source}}, values[i]});
        if (values.size() > 1)
          samples.back().labels.push_back({"fault", std::string(name_of(all_fault_classes[i]))});
      }
    };
    add("pdu-a", pdu_a);
    add("pdu-b", pdu_b);
    return samples;
  };
  return {
      {"flopwatt_bus_busy_seconds_total",
       "Time in which a request was in progress on the bus.",
       Type::counter,
       {{{{"bus", "row-a"}}, 12.5}}},
      {"flopwatt_bus_turnaround_seconds_total",
       "Time from sending requests to having their answers, of those that were answered.",
       Type::counter,
       {{{{"bus", "row-a"}}, 11.25}}},
      {"flopwatt_bus_planned_cycle_seconds",
       "How long it takes to poll every meter of the bus once, as planned from its settings.",
       Type::gauge,
       {{{{"bus", "row-a"}}, 0.35}}},
      {"flopwatt_source_bus_info",
       "Which bus a source is on, and its unit there.",
       Type::gauge,
       {{{{"source", "pdu-a"}, {"bus", "row-a"}, {"unit_id", "1"}}, 1},
        {{{"source", "pdu-b"}, {"bus", "row-a"}, {"unit_id", "17"}}, 1}}},
      {"flopwatt_source_requests_total", "Requests sent to the source, repeated ones too.", Type::counter,
       of_units({300}, {9})},
      {"flopwatt_source_request_failures_total", "Requests that failed, by class of fault.", Type::counter,
       of_units({4, 1, 0, 0, 0, 0}, {8, 0, 0, 0, 1, 0})},
      {"flopwatt_source_quarantined",
       "1 while the source is left alone after failures, and only tried once in a while.", Type::gauge,
       of_units({0}, {1})},
      {"flopwatt_work_rejected_lines_total",
       "Lines of counted work that were refused, by reason.",
       Type::counter,
       {{{{"reason", "unknown_target"}}, 3}, {{{"reason", "over_budget"}}, 0}}},
  };
}

inline Snapshot synthetic_snapshot() {
  Snapshot snapshot;
  snapshot.taken.wall_us = noon_us + 500'000;
  snapshot.node = "rack-r12";
  snapshot.sources = {full_meter(), stale_meter(), state_of(accelerator_set("nvidia0", "GPU-0")),
                      state_of(accelerator_set("nvidia1", "GPU-1"), true), unread_accelerator()};
  snapshot.scopes = {full_scope(), idle_scope()};
  for (SourceId id = 0; SourceState & state : snapshot.sources) state.id = id++;
  snapshot.driver_metrics = driver_metrics();
  snapshot.driver_sections = {{"buses", R"({"row-a":{"busy_seconds":12.5,"units":{}}})"}};
  snapshot.store = {.up = true,
                    .readings = 12345,
                    .size_bytes = 98304,
                    .oldest_wall_us = noon_us - 3'600'000'000,
                    .waiting_readings = 30,
                    .discarded_readings = 0,
                    .fault = ""};
  snapshot.exporters = {{.name = "ems",
                         .up = true,
                         .delivered = 12000,
                         .dropped = 5,
                         .left_out = 7,
                         .set_aside = 21,
                         .backlog = 340,
                         .refusals = {{"not_authorized", 3}},
                         .remarks = {"the broker takes QoS 0 only"}}};
  snapshot.poll_duration = {.bounds = {0.005, 0.05, 1}, .counts = {90, 8, 1, 1}, .sum = 3.5};
  snapshot.poll_lateness = {.bounds = {0.001, 0.02}, .counts = {100, 0, 0}, .sum = 0.04};
  snapshot.config_loaded_wall_us = noon_us - 60'000'000;
  snapshot.counts_work = true;
  snapshot.ready = true;
  return snapshot;
}

}  // namespace flopwatt::test
