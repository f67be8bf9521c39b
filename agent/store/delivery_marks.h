// The delivered sets of one exporter: all up to a low mark, and at most 64 ranges above it, because live
// readings run ahead of the backlog. Only acknowledgements and the limits of the store move the marks.
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
  /// All sets up to and including `low` count as delivered.
  explicit DeliveryMarks(std::uint64_t low) : low_(low) {}
  /// From saved values. Ranges must be ascending, disjoint and above low; other ranges are left out, and
  /// their sets are delivered again.
  DeliveryMarks(std::uint64_t low, const std::vector<Span>& ranges);

  /// Marks a span as delivered. False: there would be more than max_ranges ranges; nothing changes, and the
  /// span is sent again.
  bool add(Span delivered);

  /// All sets up to and including `seq` are out of the store.
  void raise_low(std::uint64_t seq);

  [[nodiscard]] bool contains(std::uint64_t seq) const;
  /// The lowest undelivered run within [from, last], up to the next delivered range; nullopt: none.
  [[nodiscard]] std::optional<Span> first_gap(std::uint64_t from, std::uint64_t last) const;

  [[nodiscard]] std::uint64_t low() const { return low_; }
  [[nodiscard]] const std::vector<Span>& ranges() const { return ranges_; }

  bool operator==(const DeliveryMarks&) const = default;

 private:
  void absorb();  // merges ranges that touch the low mark into it

  std::uint64_t low_ = 0;
  std::vector<Span> ranges_;
};

}  // namespace flopwatt::store
