// What one exporter has delivered: everything up to a low mark, and at most 64 ranges above it (live readings
// run ahead of the backlog). Moved only by acknowledgement or by the store's limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/store/span.h"

namespace flopwatt::store {

class DeliveryMarks {
 public:
  static constexpr std::size_t max_ranges = 64;

  DeliveryMarks() = default;
  /// Everything up to and including `low` counts as dealt with.
  explicit DeliveryMarks(std::uint64_t low) : low_(low) {}
  /// As saved. Ranges must be ascending, disjoint and above low; what is not is left out (it is delivered
  /// again).
  DeliveryMarks(std::uint64_t low, const std::vector<Span>& ranges);

  /// Marks a span. False, and nothing changed, if that would make more than max_ranges ranges: the span
  /// counts as not delivered and is sent again.
  bool add(Span delivered);

  /// Everything up to and including `seq` is out of the store: nothing is left to deliver there.
  void raise_low(std::uint64_t seq);

  [[nodiscard]] bool contains(std::uint64_t seq) const;
  /// The lowest undelivered run within [from, last], at most up to the next delivered range; nullopt: none.
  [[nodiscard]] std::optional<Span> first_gap(std::uint64_t from, std::uint64_t last) const;

  [[nodiscard]] std::uint64_t low() const { return low_; }
  [[nodiscard]] const std::vector<Span>& ranges() const { return ranges_; }

  bool operator==(const DeliveryMarks&) const = default;

 private:
  void absorb();  // ranges that touch the low mark become part of it

  std::uint64_t low_ = 0;
  std::vector<Span> ranges_;
};

}  // namespace flopwatt::store
