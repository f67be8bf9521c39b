#include "agent/commands/export/openmetrics.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "exporters/prometheus/page_writer.h"
#include "exporters/prometheus/series_labels.h"

namespace flopwatt::commands {
namespace {

struct Point {
  std::int64_t wall_us;
  double value;
};

struct Series {
  std::size_t row;  // in the quantity table
  std::string labels;
  std::uint64_t most_points = 0;  // rows of its sources
  std::int64_t newest_ms = std::numeric_limits<std::int64_t>::min();
  std::vector<Point> points;
};

// Where the values of one series stand in the sets of one source.
struct Column {
  std::size_t series;
  std::size_t index;  // in ReadingSet::values
  double factor;
  Method method = Method::none;  // that the value is of; none: of no method
  bool is_best = false;          // only of sets whose best method that is; else only of the others
};

struct SourceColumns {
  std::optional<std::size_t> method;  // index of that value
  std::vector<Column> columns;
};

using RowCounts = std::map<std::int64_t, std::uint64_t>;  // by source

// All series of a store, in the order of the page, and where their values come from.
class Plan {
 public:
  static Result<Plan> make(const Job& job, const RowCounts& counts);

  std::vector<Series> series;
  std::unordered_map<std::int64_t, SourceColumns> sources;

 private:
  using Key = std::pair<std::size_t, std::string>;  // row, labels
  using Ranks = std::map<Key, std::size_t>;

  void add(std::int64_t id, std::uint64_t rows, const Source& source, const std::string& added, Ranks& ranks);
  void sort(const Ranks& ranks);
};

// Series are numbered as they are met, and by their order on the page at the end.
Result<Plan> Plan::make(const Job& job, const RowCounts& counts) {
  std::string added;
  for (const AddedLabel& label : job.labels) prometheus::append_label(added, label.name, label.value);
  if (!added.empty()) added.insert(0, 1, ',');
  Plan plan;
  Ranks ranks;
  for (const auto& [id, rows] : counts) {
    const auto source = job.reader.source(id);
    if (!source) return source.error();
    if (!*source) continue;  // unreadable: the reader says so
    plan.add(id, rows, **source, added, ranks);
  }
  plan.sort(ranks);
  return plan;
}

void Plan::add(std::int64_t id, std::uint64_t rows, const Source& source, const std::string& added,
               Ranks& ranks) {
  SourceColumns& target = sources[id];
  target.method = source.index_of({.quantity = Quantity::method});
  const auto add_column = [&](std::size_t index, const QuantityRow& row, Channel channel, Method method,
                              bool is_best) {
    const auto place = static_cast<std::size_t>(&row - quantity_table().data());
    std::string labels = prometheus::series_labels(source, row, channel) + added;
    const auto [rank, is_new] = ranks.try_emplace({place, labels}, series.size());
    if (is_new) series.push_back({.row = place, .labels = std::move(labels), .points = {}});
    series[rank->second].most_points += rows;
    target.columns.push_back({rank->second, index, row.series_factor, method, is_best});
  };
  // The values of a window's best method stand at no place; what they are of is the series of that method.
  const auto add_best = [&](std::size_t index, Quantity quantity) {
    for (const Method method : methods_best_first) {
      const Channel channel{quantity, place_of(method)};
      const QuantityRow* row = find_row(source.kind, channel);
      if (row != nullptr && !row->series.empty()) add_column(index, *row, channel, method, true);
    }
  };
  for (std::size_t index = 0; index < source.fields.size(); ++index) {
    const Channel channel = source.fields[index].channel;
    const QuantityRow* row = find_row(source.kind, channel);
    if (source.kind == SourceKind::window && channel.place == Place::whole) add_best(index, channel.quantity);
    if (row == nullptr || row->series.empty()) continue;
    Method of = Method::none;
    for (const Method method : methods_best_first)
      if (place_of(method) == channel.place) of = method;
    add_column(index, *row, channel, of, false);
  }
}

void Plan::sort(const Ranks& ranks) {
  std::vector<std::size_t> new_number(series.size());
  std::vector<Series> sorted;
  sorted.reserve(series.size());
  for (const auto& [key, number] : ranks) {
    new_number[number] = sorted.size();
    sorted.push_back(std::move(series[number]));
  }
  series = std::move(sorted);
  for (auto& [id, source] : sources)
    for (Column& column : source.columns) column.series = new_number[column.series];
}

// Writes series after series, a family's metadata before its first.
class SeriesWriter {
 public:
  explicit SeriesWriter(Output& out) : out_(out), writer_(out.text(), prometheus::PageFormat::openmetrics) {}

  // Takes the points. False: the output takes no more.
  bool write(Series& series) {
    const QuantityRow& row = quantity_table()[series.row];
    if (row_ != &row) {
      const bool counts = row.kind == ValueKind::counter;
      writer_.family(row.series, counts ? prometheus::FamilyType::counter : prometheus::FamilyType::gauge,
                     row.help);
      row_ = &row;
    }
    for (const Point& point : series.points) {
      writer_.sample(series.labels, point.value, point.wall_us);
      if (!out_.flush_if_large()) return false;
    }
    series.points.clear();
    return true;
  }

  void finish() {
    writer_.finish();
    out_.flush();
  }

 private:
  Output& out_;
  prometheus::PageWriter writer_;
  const QuantityRow* row_ = nullptr;
};

// Reads and writes the series of one pass: [first, last) of the plan's.
class Pass {
 public:
  Pass(const Job& job, Plan& plan, std::size_t first, std::size_t last)
      : job_(job), plan_(plan), first_(first), last_(last) {}

  Result<Losses> run(SeriesWriter& writer) {
    // One series alone may be larger than the bound; it needs not wait for another.
    const bool at_once = last_ - first_ == 1;
    if (!at_once)
      for (Series& series : all()) series.points.reserve(series.most_points);
    const auto wanted = [&](const store::Row& row) { return concerns(row.source); };
    const auto damaged = walk(job_, wanted, [&](const std::vector<store::Reader::Item>& items) {
      for (const store::Reader::Item& item : items) take(item);
      return !at_once || writer.write(plan_.series[first_]);
    });
    if (!damaged) return damaged.error();
    losses_.damaged_sets = *damaged;
    for (Series& series : all()) {
      if (!writer.write(series)) break;
      series.points = std::vector<Point>();  // `= {}` would keep the memory
    }
    return losses_;
  }

 private:
  std::span<Series> all() { return std::span(plan_.series).subspan(first_, last_ - first_); }
  [[nodiscard]] bool is_ours(const Column& column) const {
    return column.series >= first_ && column.series < last_;
  }

  bool concerns(std::int64_t id) {
    const auto [known, is_new] = concerns_.try_emplace(id, false);
    const auto source = plan_.sources.find(id);
    if (is_new && source != plan_.sources.end())
      known->second = std::ranges::any_of(source->second.columns,
                                          [this](const Column& column) { return is_ours(column); });
    return known->second;
  }

  void take(const store::Reader::Item& item) {
    const SourceColumns& source = plan_.sources.at(item.row.source);
    const double method = source.method ? item.set.values[*source.method] : absent;
    for (const Column& column : source.columns) {
      const double value = item.set.values[column.index] * column.factor;
      if (!is_ours(column) || !is_known(value)) continue;
      if (column.method != Method::none && (static_cast<double>(column.method) == method) != column.is_best)
        continue;
      add(plan_.series[column.series], item.row.wall_us, value);
    }
  }

  void add(Series& series, std::int64_t wall_us, double value) {
    const std::int64_t time_ms = wall_us / 1000;
    if (time_ms <= series.newest_ms) {
      ++losses_.readings_in_the_past;
      return;
    }
    series.newest_ms = time_ms;
    series.points.push_back({wall_us, value});
  }

  const Job& job_;
  Plan& plan_;
  std::size_t first_, last_;
  std::unordered_map<std::int64_t, bool> concerns_;
  Losses losses_;
};

Result<RowCounts> count_rows(const Job& job) {
  RowCounts counts;
  const auto count = [&](const store::Row& row) {
    ++counts[row.source];
    return false;  // not to be decoded
  };
  const auto walked = walk(job, count, [](const auto&) { return true; });
  if (!walked) return walked.error();
  return counts;
}

}  // namespace

bool is_series_label(std::string_view name) {
  constexpr auto others = std::to_array<std::string_view>(
      {"meter", "accelerator", "uuid", "package", "scope", "window", "method", "le", "quantile"});
  return std::ranges::find(others, name) != others.end() ||
         std::ranges::find(quantity_table(), name, &QuantityRow::place_label) != quantity_table().end();
}

Result<Losses> export_openmetrics(const Job& job, std::uint64_t most_held) {
  const auto counts = count_rows(job);
  if (!counts) return counts.error();
  auto plan = Plan::make(job, *counts);
  if (!plan) return plan.error();
  Losses losses;
  SeriesWriter writer(job.out);
  for (std::size_t first = 0; first < plan->series.size() && job.out.open();) {
    std::size_t last = first;
    for (std::uint64_t held = 0; last < plan->series.size(); ++last) {
      held += plan->series[last].most_points;
      if (last > first && held > most_held) break;
    }
    auto pass = Pass(job, *plan, first, last).run(writer);
    if (!pass) return pass.error();
    losses.damaged_sets = std::max(losses.damaged_sets, pass->damaged_sets);  // the same ones in each pass
    losses.readings_in_the_past += pass->readings_in_the_past;
    first = last;
  }
  writer.finish();
  return losses;
}

}  // namespace flopwatt::commands
