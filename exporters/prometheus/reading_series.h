// The readings on the page: every row of the quantity table that has a series, and the info series of what
// was read. The labels of a source are made once and kept while its description holds, so that a scrape of
// many series costs little more than copying them and printing their numbers.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/prometheus/page_writer.h"
#include "readings/quantity.h"
#include "readings/reading_set.h"
#include "runtime/snapshot.h"

namespace flopwatt::exposition {

/// The lines of one source's readings, in the order of the quantity table.
class SourceLines {
 public:
  /// `method`: of a scope or window; its series of work are absent where it is none.
  SourceLines(SourcePtr source, Method method);

  [[nodiscard]] SourceKind kind() const { return source_->kind; }
  /// The lines hold for one description and one method.
  [[nodiscard]] bool describe(const SourcePtr& source, Method method) const {
    return source_ == source && method_ == method;
  }

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
    std::size_t index;  // in ReadingSet::values
    double factor;
    std::string labels;
    bool never_absent;
    double last = 0;  // newest known value, of what is never absent
  };

  SourcePtr source_;
  Method method_;
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
  void take(std::size_t place, const SourcePtr& source, Method method, const ReadingSet* set, bool stale);
  void write_info(PageWriter& writer, const Snapshot& snapshot) const;

  // In the order of the snapshot: the sources, then each scope and its windows.
  std::vector<SourceLines> lines_;
  std::array<std::vector<SourceLines*>, all_source_kinds.size()> by_kind_;
};

}  // namespace flopwatt::exposition
