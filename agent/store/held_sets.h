// The sets of one exporter that stay behind while those around them are done with: the receiver refuses them,
// or has not answered them when a connection was lost. They are kept by source, as runs of seq in which all
// sets of that source are meant: one denied topic among 24 is a single run, however long it is refused.
// Ranges of all sources together (DeliveryMarks) would need one range for each refused set. Pure.
//
// A held set is marked in DeliveryMarks like a delivered one, so that the marks are of one piece; what is
// held is then not delivered.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "agent/store/bytes.h"
#include "agent/store/span.h"
#include "readings/quantity.h"

namespace flopwatt::store {

enum class Hold : std::uint8_t {
  waiting,    ///< tried again soon; counts as backlog
  set_aside,  ///< refused for good; tried again rarely
};

/// A source as receivers know it: it keeps its topic when it is described anew.
struct HeldSource {
  SourceKind kind{};
  std::string name;

  auto operator<=>(const HeldSource&) const = default;  // NOLINT(modernize-use-nullptr): of clang-tidy 14
};

struct HeldRun {
  Span span;
  /// Readings of the sets that are held. Where runs were joined for want of room, the span has sets besides
  /// that are done with; they are sent again, and count no second time.
  std::uint64_t readings = 0;
  Hold hold = Hold::waiting;

  bool operator==(const HeldRun&) const = default;
};

class HeldSets {
 public:
  /// Sources beyond this number are not taken up; runs of a source beyond this number are joined.
  static constexpr std::size_t max_sources = 4096, max_runs = 64;

  using Predicate = std::function<bool(const HeldSource&)>;

  [[nodiscard]] bool has_room_for(const HeldSource& source) const;

  /// Adds a run that overlaps no other of the source. It joins the run before it where that ends where this
  /// one begins, but not the one behind it: who goes through a run from its front can put back what stays,
  /// without losing count of what is still to come. The source has room.
  void add(const HeldSource& source, const HeldRun& run);

  /// The part of `span` that lies in a run of the source, the lowest if there are several.
  [[nodiscard]] std::optional<Span> overlap(const HeldSource& source, Span span) const;

  /// Removes `part` from the run that begins with it, and returns how many readings went: those of the sets
  /// that were seen in the part, or all of the run where the part ends it.
  std::uint64_t take(const HeldSource& source, Span part, std::uint64_t seen_readings);

  /// Nothing of these sources is among the sets of `done`, all of which are done with: runs that end right
  /// before it may reach to its end, so that later ones join them.
  void extend_over(Span done, const std::set<HeldSource>& sources_inside);

  [[nodiscard]] bool contains(const HeldSource& source, std::uint64_t seq) const;

  /// The lowest run of that hold that begins at or above `from`, of the sources that `may_go` admits.
  [[nodiscard]] std::optional<Span> lowest(Hold hold, std::uint64_t from, const Predicate& may_go) const;
  /// All such runs, by source.
  [[nodiscard]] std::map<HeldSource, std::vector<Span>> runs_from(Hold hold, std::uint64_t from,
                                                                  const Predicate& may_go) const;

  /// A set that is about to leave the store no longer counts. Returns its readings where it was held, else 0.
  std::uint64_t lose(const HeldSource& source, std::uint64_t seq, std::uint64_t readings);
  /// Nothing up to `seq` is in the store any more. Returns the readings of runs that end there and that
  /// lose() was not told of.
  std::uint64_t cut_through(std::uint64_t seq);

  [[nodiscard]] std::uint64_t readings(Hold hold) const;
  [[nodiscard]] bool empty() const { return runs_.empty(); }
  /// Where the lowest run begins; nullopt: nothing is held.
  [[nodiscard]] std::optional<std::uint64_t> first() const;

  /// As bytes: a version, then sources with their runs. nullopt: these are not such bytes.
  [[nodiscard]] Bytes packed() const;
  [[nodiscard]] static std::optional<HeldSets> unpacked(std::span<const std::uint8_t> bytes);

  bool operator==(const HeldSets&) const = default;

 private:
  using Runs = std::vector<HeldRun>;  // ascending and disjoint, never empty

  static void join_nearest(Runs& runs);

  std::map<HeldSource, Runs> runs_;
};

}  // namespace flopwatt::store
