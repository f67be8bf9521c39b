#include "exporters/prometheus/reading_series.h"

#include <algorithm>
#include <utility>

#include "exporters/prometheus/series_labels.h"

namespace flopwatt::exposition {
namespace {

// What one accelerator has done so far stays on the page while it is stale, so that sums over accelerators
// hold.
bool is_never_absent(const QuantityRow& row) {
  return row.source == SourceKind::accelerator && row.kind == ValueKind::counter &&
         row.place == PlaceKind::precision;
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
  }
  return labels;
}

}  // namespace

SourceLines::SourceLines(SourcePtr source, Method method)
    : source_(std::move(source)), method_(method), info_(info_labels(*source_)) {
  const auto table = quantity_table();
  for (std::size_t index = 0; index < source_->fields.size(); ++index) {
    const Channel channel = source_->fields[index].channel;
    const QuantityRow* row = find_row(source_->kind, channel);
    if (row == nullptr || row->series.empty()) continue;
    if (has_method_label(*row) && method == Method::none) continue;
    lines_.push_back({.row = static_cast<std::size_t>(row - table.data()),
                      .index = index,
                      .factor = row->series_factor,
                      .labels = series_labels(*source_, *row, channel, method),
                      .never_absent = is_never_absent(*row)});
  }
  std::ranges::stable_sort(lines_, {}, &Line::row);
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
    double value = set_ == nullptr ? absent : set_->values[line.index] * line.factor;
    if (line.never_absent) {
      if (is_known(value)) line.last = value;
      value = line.last;
    } else if (stale_) {
      continue;
    }
    writer.sample(line.labels, value);
  }
}

void ReadingSeries::take(std::size_t place, const SourcePtr& source, Method method, const ReadingSet* set,
                         bool stale) {
  if (place == lines_.size()) {
    lines_.emplace_back(source, method);
  } else if (!lines_[place].describe(source, method)) {
    SourceLines fresh(source, method);
    fresh.continue_from(lines_[place]);
    lines_[place] = std::move(fresh);
  }
  lines_[place].show(set, stale);
}

void ReadingSeries::take(const Snapshot& snapshot) {
  std::size_t place = 0;
  for (const SourceState& state : snapshot.sources) {
    // A reading is shown with the description that it was read under.
    const SourcePtr& source = state.newest ? state.newest->source : state.source;
    take(place++, source, Method::none, state.newest.get(), state.stale);
  }
  for (const ScopeFigures& scope : snapshot.scopes) {
    take(place++, scope.figures.source, scope.method, &scope.figures, false);
    for (const WindowFigures& window : scope.windows)
      take(place++, window.figures.source, window.method, &window.figures, false);
  }
  lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(place), lines_.end());
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
  write_info(writer, snapshot);
}

void ReadingSeries::write_info(PageWriter& writer, const Snapshot& snapshot) const {
  const auto write_sources = [&](SourceKind kind) {
    for (const SourceLines* lines : by_kind_.at(static_cast<std::size_t>(kind)))
      if (!lines->info().empty()) writer.sample(lines->info(), 1);
  };
  writer.family("flopwatt_meter_info", FamilyType::info, "What the meter is, and the accuracy it is given.");
  write_sources(SourceKind::meter);
  writer.family("flopwatt_accelerator_info", FamilyType::info,
                "What the accelerator is; energy_source: its own counter, or integrated power.");
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

}  // namespace flopwatt::exposition
