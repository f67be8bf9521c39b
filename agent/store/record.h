// The record: a reading set as the bytes of one row, and back, bit for bit. Pure. schema.cpp describes the
// whole file format.
//
//   varint   boot: row of the table `boot`
//   varint   monotonic clock in microseconds (zigzag)
//   varint   half duration in microseconds (zigzag)
//   codes    two bits a field, in the order of the source's fields, the first in the lowest bits:
//            0 absent, 1 as in the source's baseline, 2 packed, 3 exact
//   values   of the fields with code 2 and 3, in the same order: 2 the raw number at its wire width, so that
//            value = held_value(raw, scale); 3 the value itself as f64, where packing would not give it back
//            bit for bit
//   u32      CRC-32 of seq, time, source, total (8 bytes each) and of all bytes before it
//
// Words are little-endian. The baseline is the first stored set of the source: a value that never changes (a
// limit, a peak rate, memory size) costs two bits. SQLite has no checksums in its pages: the CRC keeps a
// flipped bit from being published as a measurement.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/store/bytes.h"
#include "readings/reading_set.h"

namespace flopwatt::store {

/// Packing of one stored field, and the place of its value.
struct StoredField {
  /// Value of `index` for a quantity that this version does not know (a newer one wrote the file): skipped.
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
  std::uint64_t total = 0;  ///< readings stored up to and including this row
};

/// Time of a set on the monotonic clock of its boot.
struct BootTime {
  std::int64_t boot = 0;
  std::int64_t monotonic_us = 0;
};

/// Encodes a set into `out`, replacing its contents. `set` must have a value for each of layout.fields, and
/// this version must know all fields.
void encode(const Row& row, const ReadingSet& set, std::int64_t boot, const Layout& layout, Bytes& out);

/// Whether row and data are what was written.
[[nodiscard]] bool is_whole(const Row& row, std::span<const std::uint8_t> data);

/// nullopt: the bytes are damaged.
[[nodiscard]] std::optional<ReadingSet> decode(const Row& row, std::span<const std::uint8_t> data,
                                               const Layout& layout);

/// Decodes only the time. Does not check the CRC.
[[nodiscard]] std::optional<BootTime> decode_boot_time(std::span<const std::uint8_t> data);

}  // namespace flopwatt::store
