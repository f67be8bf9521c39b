// Seqs that name no set: where sets may have been lost, the numbering goes on above every seq that may have
// been given out, and leaves out what is between. The table `hole` keeps them.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/store/database.h"
#include "agent/store/span.h"

namespace flopwatt::store {

/// Ascending and disjoint. Rows follow each other without a gap but for these.
class Holes {
 public:
  /// A hole above all others.
  void add(Span hole) { holes_.push_back(hole); }
  /// The holes that end at or below `seq`.
  void forget_through(std::uint64_t seq);
  void clear() { holes_.clear(); }

  /// `seq`, or the first number above the hole that it lies in.
  [[nodiscard]] std::uint64_t skip(std::uint64_t seq) const;
  /// How many numbers of the span lie in holes.
  [[nodiscard]] std::uint64_t within(Span span) const;
  /// The last of `count` (> 0) numbers outside of holes, counted upwards from `first`.
  [[nodiscard]] std::uint64_t count_up(std::uint64_t first, std::uint64_t count) const;
  /// The first of `count` (> 0) numbers outside of holes, counted downwards from `last`; 1 if there are fewer.
  [[nodiscard]] std::uint64_t count_down(std::uint64_t last, std::uint64_t count) const;

  [[nodiscard]] bool empty() const { return holes_.empty(); }
  /// The end of the highest hole; 0: none.
  [[nodiscard]] std::uint64_t end() const { return holes_.empty() ? 0 : holes_.back().last; }

 private:
  std::vector<Span> holes_;
};

/// Whether the file has the table. A store of a version without holes has none, and no mark beside it.
[[nodiscard]] bool has_hole_table(Database& database);
void make_hole_table(Database& database);
/// A wrong checksum is damage.
[[nodiscard]] Holes load_holes(Database& database);
void save_hole(Database& database, Span hole);
void remove_holes_through(Database& database, std::uint64_t seq);

}  // namespace flopwatt::store
