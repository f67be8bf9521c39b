#include "agent/commands/export/csv.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "exporters/prometheus/series_labels.h"
#include "runtime/text/number_text.h"

namespace flopwatt::commands {
namespace {

constexpr std::array<std::string_view, 10> columns = {"time",     "seq",   "source", "kind", "uuid",
                                                      "quantity", "place", "value",  "unit", "method"};

void append_cell(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

// How the readings of one source are written: all that does not change from set to set.
class CsvLayout {
 public:
  explicit CsvLayout(const SourcePtr& source) : source_(source) {
    method_ = source->index_of({.quantity = Quantity::method});
    for (std::size_t index = 0; index < source->fields.size(); ++index) {
      const Channel channel = source->fields[index].channel;
      const QuantityRow* row = find_row(source->kind, channel);
      if (row == nullptr || row->kind == ValueKind::method || row->kind == ValueKind::reason) continue;
      Cells cells{index, {}, ',' + std::string(row->unit) + ',', tells_method(*row)};
      for (const std::string_view text : {std::string_view(source->name), name_of(source->kind),
                                          std::string_view(source->identity.uuid), row->name}) {
        cells.before += ',';
        append_cell(cells.before, text);
      }
      cells.before += ',';
      append_cell(cells.before, prometheus::place_label(source->identity, channel));
      cells.before += ',';
      if (row->place == PlaceKind::method) cells.after += label_of(channel.place);
      cells_.push_back(std::move(cells));
    }
  }

  void append(std::string& out, const store::Reader::Item& item, std::string_view ending) const {
    std::string start;
    append_time(start, item.set.time.wall_us);
    start += ',';
    append_integer(start, item.row.seq);
    const double method = method_ ? item.set.values[*method_] : absent;
    for (const Cells& cells : cells_) {
      const double value = item.set.values[cells.index];
      if (!std::isfinite(value)) continue;
      out += start;
      out += cells.before;
      append_number(out, value);
      out += cells.after;
      if (cells.tells_method && is_known(method)) out += name_of(static_cast<Method>(method));
      out += ending;
    }
  }

 private:
  struct Cells {
    std::size_t index;  // in ReadingSet::values
    std::string before, after;
    bool tells_method;
  };

  static bool tells_method(const QuantityRow& row) {
    using enum Quantity;
    if (row.source == SourceKind::accelerator) return row.quantity == work;
    constexpr std::array of_window = {work, joules_per_flop, joules_per_flop_low, joules_per_flop_high,
                                      uncertainty};
    return row.source == SourceKind::window && row.place == PlaceKind::whole &&
           std::ranges::find(of_window, row.quantity) != of_window.end();
  }

  SourcePtr source_;
  std::optional<std::size_t> method_;
  std::vector<Cells> cells_;
};

}  // namespace

bool is_csv_column(std::string_view name) { return std::ranges::find(columns, name) != columns.end(); }

Result<Losses> export_csv(const Job& job) {
  std::string& out = job.out.text();
  std::string ending;
  for (const std::string_view column : columns) {
    if (column != columns.front()) out += ',';
    out += column;
  }
  for (const AddedLabel& label : job.labels) {
    out += ',' + label.name;
    ending += ',';
    append_cell(ending, label.value);
  }
  out += '\n';
  ending += '\n';

  std::unordered_map<std::int64_t, CsvLayout> layouts;
  return export_each(job, [&](const store::Reader::Item& item) {
    const auto layout = layouts.try_emplace(item.row.source, item.set.source).first;
    layout->second.append(out, item, ending);
  });
}

}  // namespace flopwatt::commands
