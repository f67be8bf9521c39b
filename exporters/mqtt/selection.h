// What an exporter is asked to publish: `publish` names kinds of sources, `every` is the time of which one
// set of a source is enough. Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "readings/reading_set.h"

namespace flopwatt::mqtt {

class Selection {
 public:
  /// `kinds`: which are published. `every`: at most one set of a source in each span of that length, counted
  /// from 1970; 0: every set. Windows are published all.
  Selection(std::set<SourceKind> kinds, std::chrono::microseconds every)
      : kinds_(std::move(kinds)), every_us_(every.count()) {}

  /// Whether the set is to be published: the first of its span that is asked for, and that one again whenever
  /// it is asked for again.
  [[nodiscard]] bool wants(const StoredSet& stored);

 private:
  /// Both lanes, and what was refused, go through spans at the same time.
  static constexpr std::size_t remembered_spans = 16;
  struct Chosen {
    std::array<std::pair<std::int64_t, std::uint64_t>, remembered_spans> spans{};  // span, seq; 0: free
    std::size_t next = 0;
  };

  std::set<SourceKind> kinds_;
  std::int64_t every_us_;
  std::map<std::pair<SourceKind, std::string>, Chosen> chosen_;
};

}  // namespace flopwatt::mqtt
