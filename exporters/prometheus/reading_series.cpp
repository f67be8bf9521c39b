#include "exporters/prometheus/reading_series.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "exporters/prometheus/series_labels.h"
#include "readings/missing_reason.h"

namespace flopwatt::prometheus {
namespace {

// The counters of an accelerator stay on the page while the accelerator is stale, so that sums over
// accelerators do not drop.
bool is_never_absent(const QuantityRow& row) {
  return row.source == SourceKind::accelerator && row.kind == ValueKind::counter &&
         row.place == PlaceKind::precision;
}

constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

// Counters of work that workloads may count any time, but none has counted yet: they begin at 0, so that the
// first line is an increase. Of the precisions that the device is known to have, and of lines that name none.
std::vector<Channel> uncounted(const Source& source) {
  std::vector<Channel> channels;
  const auto add = [&](Place precision) {
    const Channel channel{.quantity = Quantity::counted_work, .place = precision};
    if (!source.index_of(channel)) channels.push_back(channel);
  };
  for (const Field& field : source.fields)
    if (field.channel.quantity == Quantity::peak_rate) add(field.channel.place);
  add(Place::unspecified_precision);
  return channels;
}

std::string_view name_of(EnergySource source) {
  switch (source) {
    case EnergySource::counter:
      return "counter";
    case EnergySource::integrated:
      return "integrated";
    case EnergySource::none:
      break;
  }
  return "";
}

/// "25ms"; "" where it is not known.
std::string milliseconds_of(std::chrono::microseconds time) {
  return time.count() > 0 ? std::to_string(time / std::chrono::milliseconds(1)) + "ms" : "";
}

std::string info_labels(const Source& source) {
  const Identity& identity = source.identity;
  std::string labels = source_labels(source);
  if (source.kind == SourceKind::meter) append_label(labels, "profile", identity.profile);
  append_label(labels, "vendor", identity.vendor);
  append_label(labels, "model", identity.model);
  append_label(labels, "serial", identity.serial);
  if (source.kind == SourceKind::meter) {
    append_label(labels, "accuracy_class", identity.accuracy_class);
    append_label(labels, "feed", identity.feed);
  } else {
    append_label(labels, "driver", identity.driver);
    append_label(labels, "pci", identity.pci);
    append_label(labels, "energy_source", name_of(identity.energy_source));
    append_label(labels, "sensor_window", milliseconds_of(source.sensor.window));
    append_label(labels, "sensor_period", milliseconds_of(source.sensor.period));
  }
  return labels;
}

}  // namespace

SourceLines::SourceLines(Basis basis) : basis_(std::move(basis)), info_(info_labels(*basis_.source)) {
  const Source& source = *basis_.source;
  for (std::size_t index = 0; index < source.fields.size(); ++index) {
    const Channel channel = source.fields[index].channel;
    const QuantityRow* row = find_row(source.kind, channel);
    if (row == nullptr || row->series.empty()) continue;
    add_line(*row, channel, index);
  }
  if (basis_.counts_work && source.kind == SourceKind::accelerator)
    for (const Channel channel : uncounted(source))
      add_line(*find_row(source.kind, channel), channel, nowhere);
  std::ranges::stable_sort(lines_, {}, &Line::row);
}

void SourceLines::add_line(const QuantityRow& row, Channel channel, std::size_t index) {
  lines_.push_back({.row = static_cast<std::size_t>(&row - quantity_table().data()),
                    .index = index,
                    .factor = row.series_factor,
                    .labels = series_labels(*basis_.source, row, channel),
                    .never_absent = is_never_absent(row)});
}

void SourceLines::continue_from(const SourceLines& before) {
  for (Line& line : lines_) {
    const auto is_same = [&](const Line& other) {
      return other.row == line.row && other.labels == line.labels;
    };
    const auto same = std::ranges::find_if(before.lines_, is_same);
    if (line.never_absent && same != before.lines_.end()) line.last = same->last;
  }
}

void SourceLines::show(const ReadingSet* set, bool stale) {
  set_ = set;
  stale_ = stale || set == nullptr;
  next_ = 0;
}

void SourceLines::write_row(PageWriter& writer, std::size_t row) {
  for (; next_ < lines_.size() && lines_[next_].row == row; ++next_) {
    Line& line = lines_[next_];
    const bool has_value = set_ != nullptr && line.index != nowhere;
    double value = has_value ? set_->values[line.index] * line.factor : absent;
    if (line.never_absent) {
      if (is_known(value)) line.last = value;
      value = line.last;
    } else if (stale_) {
      continue;
    }
    writer.sample(line.labels, value);
  }
}

void ReadingSeries::take(Before& before, SourceLines::Basis basis, const ReadingSet* set, bool stale) {
  SourceLines* const same = before.find(*basis.source);
  if (same != nullptr && same->basis() == basis) {
    lines_.push_back(std::move(*same));
  } else {
    SourceLines& fresh = lines_.emplace_back(std::move(basis));
    if (same != nullptr) fresh.continue_from(*same);
  }
  lines_.back().show(set, stale);
}

SourceLines* ReadingSeries::Before::find(const Source& source) {
  const auto is_of = [&](const SourceLines& one) {
    const SourcePtr& had = one.basis().source;
    return had != nullptr && had->kind == source.kind && had->name == source.name;
  };
  if (next == lines.size() || !is_of(lines[next]))
    next = static_cast<std::size_t>(std::ranges::find_if(lines, is_of) - lines.begin());
  return next == lines.size() ? nullptr : &lines[next++];
}

void ReadingSeries::take(const Snapshot& snapshot) {
  Before before{std::exchange(lines_, {})};
  lines_.reserve(before.lines.size());
  const bool counts_work = snapshot.counts_work;
  for (const SourceState& state : snapshot.sources) {
    // A reading is shown with the description that it was read under.
    const SourcePtr& source = state.newest ? state.newest->source : state.source;
    take(before, {source, counts_work}, state.newest.get(), state.stale);
  }
  for (const ScopeFigures& scope : snapshot.scopes) {
    take(before, {scope.figures.source}, &scope.figures, false);
    for (const WindowFigures& window : scope.windows)
      take(before, {window.figures.source}, &window.figures, false);
  }
  for (auto& kind : by_kind_) kind.clear();
  for (SourceLines& lines : lines_) by_kind_.at(static_cast<std::size_t>(lines.kind())).push_back(&lines);
}

void ReadingSeries::write(PageWriter& writer, const Snapshot& snapshot) {
  take(snapshot);
  const auto table = quantity_table();
  for (std::size_t row = 0; row < table.size(); ++row) {
    if (table[row].series.empty()) continue;
    writer.family(table[row].series,
                  table[row].kind == ValueKind::counter ? FamilyType::counter : FamilyType::gauge,
                  table[row].help);
    for (SourceLines* lines : by_kind_.at(static_cast<std::size_t>(table[row].source)))
      lines->write_row(writer, row);
  }
  write_methods(writer, snapshot);
  write_register_ratios(writer, snapshot);
  write_info(writer, snapshot);
}

// Which method is the best of each window, and why methods have no figure.
void ReadingSeries::write_methods(PageWriter& writer, const Snapshot& snapshot) {
  const auto for_each_window = [&](const auto& visit) {
    for (const ScopeFigures& scope : snapshot.scopes)
      for (const WindowFigures& window : scope.windows) visit(window);
  };
  writer.family("flopwatt_scope_method_info", FamilyType::info,
                "The best method of the window: the first of counted, pipe, model, estimated whose work is "
                "known over enough of it.");
  for_each_window([&](const WindowFigures& window) {
    if (window.method == Method::none) return;
    std::string labels = source_labels(*window.figures.source);
    append_label(labels, "method", flopwatt::name_of(window.method));
    writer.sample(labels, 1);
  });
  writer.family("flopwatt_scope_joules_per_flop_missing", FamilyType::gauge,
                "Why a method has no joules per FLOP; no_work is no fault.");
  for_each_window([&](const WindowFigures& window) {
    const ReadingSet& set = window.figures;
    for (std::size_t i = 0; i < set.values.size(); ++i) {
      const Channel channel = set.source->fields[i].channel;
      const bool is_missing = channel.quantity == Quantity::missing && channel.place != Place::whole;
      if (!is_missing || !is_known(set.values[i]) || set.values[i] == 0) continue;
      std::string labels = source_labels(*set.source);
      append_label(labels, "method", label_of(channel.place));
      append_label(labels, "reason", flopwatt::name_of(static_cast<MissingReason>(set.values[i])));
      writer.sample(labels, 1);
    }
  });
}

void ReadingSeries::write_register_ratios(PageWriter& writer, const Snapshot& snapshot) {
  std::map<std::string_view, double> ratios;  // a source counts in nested scopes
  for (const ScopeFigures& scope : snapshot.scopes)
    for (const RegisterFigures& one : scope.registers)
      if (!one.is_branch && is_known(one.energy_power_ratio))
        ratios.emplace(one.source, one.energy_power_ratio);
  const auto write = [&](SourceKind kind) {
    for (const SourceState& state : snapshot.sources) {
      const auto ratio = ratios.find(state.source->name);
      if (state.source->kind == kind && ratio != ratios.end())
        writer.sample(source_labels(*state.source), ratio->second);
    }
  };
  writer.family("flopwatt_meter_energy_power_ratio", FamilyType::gauge,
                "Growth of the energy register over integrated power, of the last hour.");
  write(SourceKind::meter);
  writer.family("flopwatt_accelerator_energy_power_ratio", FamilyType::gauge,
                "Growth of the energy counter over integrated power, of the last hour.");
  write(SourceKind::accelerator);
}

void ReadingSeries::write_info(PageWriter& writer, const Snapshot& snapshot) const {
  const auto write_sources = [&](SourceKind kind) {
    for (const SourceLines* lines : by_kind_.at(static_cast<std::size_t>(kind)))
      if (!lines->info().empty()) writer.sample(lines->info(), 1);
  };
  writer.family("flopwatt_meter_info", FamilyType::info, "What the meter is, and the accuracy it is given.");
  write_sources(SourceKind::meter);
  writer.family(
      "flopwatt_accelerator_info", FamilyType::info,
      "What the accelerator is; energy_source: its own counter, or integrated power; sensor_window of each "
      "sensor_period: what its power sensor sees.");
  write_sources(SourceKind::accelerator);
  writer.family("flopwatt_scope_info", FamilyType::info,
                "How scopes are nested, and whether meters or the devices themselves give the energy.");
  for (const ScopeFigures& scope : snapshot.scopes) {
    std::string labels;
    append_label(labels, "scope", scope.name);
    append_label(labels, "parent", scope.parent);
    append_label(labels, "energy_source", scope.from_meters ? "meters" : "devices");
    writer.sample(labels, 1);
  }
}

}  // namespace flopwatt::prometheus
