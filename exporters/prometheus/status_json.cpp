#include "exporters/prometheus/status_json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "readings/contradictions.h"
#include "readings/missing_reason.h"
#include "runtime/text/json_parse.h"
#include "runtime/text/number_text.h"
#include "runtime/text/reading_json.h"
#include "runtime/version.h"

namespace flopwatt::prometheus {
namespace {

namespace json = boost::json;

json::string text(std::string_view value) { return json::string(valid_utf8(value)); }

json::string time_text(std::int64_t wall_us) {
  std::string time;
  append_time(time, wall_us);
  return json::string(time);
}

json::object reading_object(const ReadingSet& set) {
  std::string object;
  JsonLayout(set.source).append(object, set);
  return parse_json(object).as_object();
}

// The object at that key, made if it is new.
json::object& member_object(json::object& object, std::string_view key) {
  return object.emplace(key, json::object()).first->value().as_object();
}

// The reason of a figure that is missing, in words.
json::object missing_object(MissingReason reason) {
  std::string words(flopwatt::name_of(reason));
  words += ": ";
  words += explanation_of(reason);
  return {{"joules_per_flop", words}};
}

json::object failures_object(const FaultCounts& failures) {
  json::object object;
  for (const FaultClass fault : all_fault_classes) object[flopwatt::name_of(fault)] = failures[fault];
  return object;
}

json::object source_object(const SourceState& state) {
  const bool up = state.is_up();
  json::object object{{"kind", name_of(state.source->kind)}, {"up", up}};
  if (state.source->kind == SourceKind::accelerator) object["vendor"] = text(state.source->identity.vendor);
  if (state.newest) object["last_reading"] = time_text(state.newest->time.wall_us);
  if (!state.last_fault.empty()) object["last_fault"] = text(state.last_fault);
  object["polls"] = state.polls;
  object["skipped"] = state.skipped;
  object["failures"] = failures_object(state.failures);
  if (up) object["reading"] = reading_object(*state.newest);
  if (!state.missing.empty()) {
    json::object missing;
    for (const Missing& one : state.missing) missing[one.key] = text(one.reason);
    object["missing"] = std::move(missing);
  }
  return object;
}

// A scope's running figures have no MQTT message, so no key in the table: name and unit of the row, as the
// keys there are made ("power_w", "energy_j_total", "flop_total").
std::string scope_key(const QuantityRow& row) {
  std::string key;
  if (row.quantity == Quantity::work) {
    key = "flop";
  } else if (row.quantity == Quantity::covered_work) {
    key = "covered_flop";
  } else {
    key = std::string(row.name) + '_' + std::string(row.unit);
    std::ranges::transform(key, key.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  if (row.kind == ValueKind::counter) key += "_total";
  return key;
}

std::optional<MissingReason> missing_at(const ReadingSet& set, Place place) {
  const auto index = set.source->index_of({Quantity::missing, place});
  if (!index || !is_known(set.values[*index]) || set.values[*index] == 0) return std::nullopt;
  return static_cast<MissingReason>(set.values[*index]);
}

// What each method that the scope offers tells of the window.
json::object methods_object(const ReadingSet& set) {
  json::object methods;
  for (std::size_t i = 0; i < set.values.size(); ++i) {
    const Channel channel = set.source->fields[i].channel;
    if (kind_of(channel.place) != PlaceKind::method || !is_known(set.values[i])) continue;
    const std::string_view name = label_of(channel.place);
    json::object& method = member_object(methods, name);
    if (channel.quantity != Quantity::missing)
      method[find_row(SourceKind::window, channel)->json_key] = set.values[i];
    else if (const auto reason = missing_at(set, channel.place))
      method["missing"] = missing_object(*reason);
  }
  return methods;
}

json::object window_object(const WindowFigures& window) {
  json::object object = reading_object(window.figures);
  object.erase("missing");
  object["methods"] = methods_object(window.figures);
  if (const auto reason = missing_at(window.figures, Place::whole))
    object["missing"] = missing_object(*reason);
  json::object terms;
  for (const UncertaintyTerm& term : window.terms) terms[term.name] = term.relative;
  object["uncertainty_terms"] = std::move(terms);
  return object;
}

// By source; empty: none.
json::object contradictions_object(const ScopeFigures& scope) {
  std::map<std::string, std::string> texts;
  for (const Contradiction& one : contradictions_of(scope)) {
    std::string& all = texts[one.source];
    all += (all.empty() ? "" : "; ") + one.why;
  }
  json::object object;
  for (const auto& [source, why] : texts) object[source] = text(why);
  return object;
}

json::object scope_object(const ScopeFigures& scope) {
  json::object object;
  if (!scope.parent.empty()) object["parent"] = text(scope.parent);
  object["energy_source"] = scope.from_meters ? "meters" : "devices";
  object["time"] = time_text(scope.figures.time.wall_us);
  json::object methods;
  const auto& fields = scope.figures.source->fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const QuantityRow* row = find_row(SourceKind::scope, fields[i].channel);
    if (row == nullptr || !is_known(scope.figures.values[i])) continue;
    const Place place = fields[i].channel.place;
    if (row->place == PlaceKind::method)
      member_object(methods, label_of(place))[scope_key(*row)] = scope.figures.values[i];
    else
      object[scope_key(*row)] = scope.figures.values[i];
  }
  if (!methods.empty()) object["methods"] = std::move(methods);
  if (auto contradictions = contradictions_object(scope); !contradictions.empty())
    object["contradictions"] = std::move(contradictions);
  json::object windows;
  for (const WindowFigures& window : scope.windows) {
    const std::string_view name = window.figures.source->name;
    windows[name.substr(name.find('/') + 1)] = window_object(window);
  }
  object["windows"] = std::move(windows);
  return object;
}

json::object store_object(const StoreState& store) {
  json::object object{{"up", store.up},
                      {"readings", store.readings},
                      {"size_bytes", store.size_bytes},
                      {"waiting_readings", store.waiting_readings},
                      {"discarded_readings", store.discarded_readings}};
  if (store.oldest_wall_us != 0) object["oldest"] = time_text(store.oldest_wall_us);
  if (!store.fault.empty()) object["fault"] = text(store.fault);
  return object;
}

json::object exporter_object(const ExporterState& state) {
  json::object object{{"up", state.up},
                      {"delivered_readings", state.delivered},
                      {"dropped_readings", state.dropped},
                      {"left_out_readings", state.left_out},
                      {"set_aside_readings", state.set_aside},
                      {"backlog_readings", state.backlog}};
  json::object refusals;
  for (const Refusals& refused : state.refusals)
    if (refused.count > 0) refusals[refused.reason] = refused.count;
  if (!refusals.empty()) object["refusals"] = std::move(refusals);
  if (!state.remarks.empty()) {
    json::array remarks;
    for (const std::string& remark : state.remarks) remarks.emplace_back(text(remark));
    object["remarks"] = std::move(remarks);
  }
  return object;
}

}  // namespace

std::string status_json(const Snapshot& snapshot) {
  json::object sources;
  for (const SourceState& state : snapshot.sources) sources[state.source->name] = source_object(state);
  json::object scopes;
  for (const ScopeFigures& scope : snapshot.scopes) scopes[scope.name] = scope_object(scope);
  json::object exporters;
  for (const ExporterState& state : snapshot.exporters) exporters[state.name] = exporter_object(state);
  json::object status{{"node", text(snapshot.node)},
                      {"version", std::string_view(version)},
                      {"revision", std::string_view(revision)},
                      {"time", time_text(snapshot.taken.wall_us)},
                      {"ready", snapshot.ready},
                      {"config_loaded", time_text(snapshot.config_loaded_wall_us)},
                      {"sources", std::move(sources)}};
  for (const StatusSection& section : snapshot.driver_sections)
    status[section.key] = parse_json(section.json);
  status["scopes"] = std::move(scopes);
  status["store"] = store_object(snapshot.store);
  status["exporters"] = std::move(exporters);
  return json::serialize(status) + "\n";
}

}  // namespace flopwatt::prometheus
