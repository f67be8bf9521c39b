// The record: one reading set as the bytes of one row, and back, bit for bit. Pure. The whole file format is
// described at the head of schema.cpp.
//
//   varint   boot: row of the table `boot`
//   varint   monotonic clock in microseconds (zigzag)
//   varint   half duration in microseconds (zigzag)
//   codes    two bits a field, in the order of the source's fields, the first in the lowest bits:
//            0 absent, 1 as in the source's baseline, 2 packed, 3 exact
//   values   of the fields with code 2 and 3, in the same order: 2 the raw number at its wire width, so that
//            value = held_value(raw, scale); 3 the value itself as f64, where packing would not give it back
//            bit for bit
//   u32      CRC-32 of seq, time, source, total (8 bytes each) and of all that stands before it
//
// Words are little-endian. The baseline is the first set that was stored of the source: what a source never
// changes (a limit, a peak rate, memory size) then costs two bits. SQLite has no checksums in its pages: the
// CRC is what keeps a flipped bit from being published as a measurement.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/store/bytes.h"
#include "readings/reading_set.h"

namespace flopwatt::store {

/// How one stored field is packed, and where its value goes.
struct StoredField {
  /// For `index`: this version does not know the quantity (a newer one used the file); it is read over.
  static constexpr std::size_t unknown = ~std::size_t{0};

  Wire wire = Wire::f64;
  double scale = 1.0;
  std::size_t index = 0;  ///< in source->fields
};

/// A source as it is stored.
struct Layout {
  SourcePtr source;
  std::vector<StoredField> fields;
  std::vector<double> baseline;  ///< parallel to `fields`; `absent` where the first set had no value
};

/// The columns of a row beside its data.
struct Row {
  std::uint64_t seq = 0;
  std::int64_t wall_us = 0;
  std::int64_t source = 0;
  std::uint64_t total = 0;  ///< readings stored up to and with this one
};

/// When a set was read on its machine's own clock.
struct BootTime {
  std::int64_t boot = 0;
  std::int64_t monotonic_us = 0;
};

/// Replaces `out`. set.values must be as many as layout.fields, all of them known to this version.
void encode(const Row& row, const ReadingSet& set, std::int64_t boot, const Layout& layout, Bytes& out);

/// nullopt: the bytes are damaged.
[[nodiscard]] std::optional<ReadingSet> decode(const Row& row, std::span<const std::uint8_t> data,
                                               const Layout& layout);

/// Only the beginning, unchecked: the CRC is not looked at.
[[nodiscard]] std::optional<BootTime> decode_boot_time(std::span<const std::uint8_t> data);

}  // namespace flopwatt::store
