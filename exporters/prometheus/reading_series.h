// The readings on the page: every row of the quantity table that has a series, and the info series of what
// was read. The labels of a source are made once and kept while its description holds, so that a scrape of
// many series costs little more than copying them and printing their numbers.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/prometheus/page_writer.h"
#include "exporters/snapshot.h"
#include "readings/quantity.h"
#include "readings/reading_set.h"

namespace flopwatt::prometheus {

/// The lines of one source's readings, in the order of the quantity table.
class SourceLines {
 public:
  /// What the lines depend on.
  struct Basis {
    SourcePtr source;
    bool counts_work = false;  ///< of an accelerator: workloads may count its work

    bool operator==(const Basis&) const = default;
  };
  explicit SourceLines(Basis basis);

  [[nodiscard]] SourceKind kind() const { return basis_.source->kind; }
  [[nodiscard]] const Basis& basis() const { return basis_; }

  /// Counters that are never absent go on from where the lines before stood.
  void continue_from(const SourceLines& before);

  /// What is written from now on: the values of `set` (null: nothing was read yet), which must outlive the
  /// writing. `stale`: only what is never absent.
  void show(const ReadingSet* set, bool stale);

  /// Writes the samples of one row of the table. After each show(), rows are asked for in ascending order.
  void write_row(PageWriter& writer, std::size_t row);

  /// Labels of the info series; "": it is absent.
  [[nodiscard]] std::string_view info() const {
    return stale_ ? std::string_view{} : std::string_view(info_);
  }

 private:
  struct Line {
    std::size_t row;    // in the quantity table
    std::size_t index;  // in ReadingSet::values, or nowhere: its first value has not come yet
    double factor;
    std::string labels;
    bool never_absent;
    double last = 0;  // newest known value, of what is never absent
  };

  void add_line(const QuantityRow& row, Channel channel, std::size_t index);

  Basis basis_;
  std::string info_;
  std::vector<Line> lines_;
  const ReadingSet* set_ = nullptr;
  bool stale_ = true;
  std::size_t next_ = 0;  // the first line that is not written yet
};

/// All readings of a snapshot. Serving loop.
class ReadingSeries {
 public:
  void write(PageWriter& writer, const Snapshot& snapshot);

 private:
  void take(const Snapshot& snapshot);
  // The lines of the snapshot before; those that are taken over are moved out of it.
  struct Before {
    std::vector<SourceLines> lines;
    std::size_t next = 0;  // most snapshots have the sources of the one before, in the same order

    SourceLines* find(const Source& source);  // by kind and name; null: it is new
  };
  void take(Before& before, SourceLines::Basis basis, const ReadingSet* set, bool stale);
  static void write_register_ratios(PageWriter& writer, const Snapshot& snapshot);
  static void write_methods(PageWriter& writer, const Snapshot& snapshot);
  void write_info(PageWriter& writer, const Snapshot& snapshot) const;

  // In the order of the snapshot: the sources, then each scope and its windows.
  std::vector<SourceLines> lines_;
  std::array<std::vector<SourceLines*>, all_source_kinds.size()> by_kind_;
};

}  // namespace flopwatt::prometheus
