#include "agent/store/record.h"

#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "agent/store/checksum.h"

namespace flopwatt::store {
namespace {

enum Code : std::uint8_t { code_absent = 0, code_baseline = 1, code_packed = 2, code_exact = 3 };
constexpr std::size_t codes_per_byte = 4;
std::uint64_t bits_of(double value) { return std::bit_cast<std::uint64_t>(value); }

std::size_t width_of(Wire wire) {
  switch (wire) {
    case Wire::u8:
      return 1;
    case Wire::u16:
    case Wire::i16:
      return 2;
    case Wire::u32:
    case Wire::i32:
    case Wire::f32:
      return 4;
    case Wire::u64:
    case Wire::i64:
    case Wire::f64:
      return 8;
  }
  return 8;
}

/// The raw number as its wire type's bits, sign-extended; nullopt where the type cannot hold it.
template <class T>
std::optional<std::uint64_t> integer_bits(double raw) {
  const double rounded = std::nearbyint(raw);
  // 2^digits is exact as a double where max() is not; the negated form also refuses NaN.
  const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
  const double begin = std::numeric_limits<T>::is_signed ? -end : 0.0;
  if (!(rounded >= begin && rounded < end)) return std::nullopt;
  return static_cast<std::uint64_t>(static_cast<T>(rounded));
}

std::optional<std::uint64_t> raw_bits(double raw, Wire wire) {
  switch (wire) {
    case Wire::u8:
      return integer_bits<std::uint8_t>(raw);
    case Wire::u16:
      return integer_bits<std::uint16_t>(raw);
    case Wire::i16:
      return integer_bits<std::int16_t>(raw);
    case Wire::u32:
      return integer_bits<std::uint32_t>(raw);
    case Wire::i32:
      return integer_bits<std::int32_t>(raw);
    case Wire::u64:
      return integer_bits<std::uint64_t>(raw);
    case Wire::i64:
      return integer_bits<std::int64_t>(raw);
    case Wire::f32:
      // A double beyond the range of float has no defined conversion.
      if (!(std::abs(raw) <= double{std::numeric_limits<float>::max()})) return std::nullopt;
      return std::bit_cast<std::uint32_t>(static_cast<float>(raw));
    case Wire::f64:
      return bits_of(raw);
  }
  return std::nullopt;
}

double raw_of(std::uint64_t bits, Wire wire) {
  switch (wire) {
    case Wire::u8:
    case Wire::u16:
    case Wire::u32:
    case Wire::u64:
      return static_cast<double>(bits);
    case Wire::i16:
      return static_cast<std::int16_t>(bits);
    case Wire::i32:
      return static_cast<std::int32_t>(bits);
    case Wire::i64:
      return static_cast<double>(static_cast<std::int64_t>(bits));
    case Wire::f32:
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    case Wire::f64:
      return std::bit_cast<double>(bits);
  }
  return absent;
}

/// nullopt where unpacking would not give back the same bits.
std::optional<std::uint64_t> pack(double value, const StoredField& field) {
  const auto bits = raw_bits(value / field.scale, field.wire);
  if (!bits || bits_of(held_value(raw_of(*bits, field.wire), field.scale)) != bits_of(value))
    return std::nullopt;
  return bits;
}

std::uint32_t checksum(const Row& row, std::span<const std::uint8_t> data) {
  return Checksum()
      .add(row.seq)
      .add(static_cast<std::uint64_t>(row.wall_us))
      .add(static_cast<std::uint64_t>(row.source))
      .add(row.total)
      .add(data)
      .value();
}

BootTime take_boot_time(ByteReader& reader) {
  BootTime time;
  time.boot = static_cast<std::int64_t>(reader.varint());
  time.monotonic_us = reader.signed_varint();
  return time;
}

double take_value(ByteReader& reader, unsigned code, const StoredField& field, double baseline) {
  switch (code) {
    case code_baseline:
      return baseline;
    case code_packed:
      return held_value(raw_of(reader.word(width_of(field.wire)), field.wire), field.scale);
    case code_exact:
      return std::bit_cast<double>(reader.word(sizeof(double)));
    default:
      return absent;
  }
}

}  // namespace

void encode(const Row& row, const ReadingSet& set, std::int64_t boot, const Layout& layout, Bytes& out) {
  const std::size_t count = layout.fields.size();
  if (set.values.size() != count) throw std::invalid_argument("reading set has not one value for each field");
  out.clear();
  put_varint(out, static_cast<std::uint64_t>(boot));
  put_signed_varint(out, set.time.monotonic_us);
  put_signed_varint(out, set.half_duration_us);
  const std::size_t codes = out.size();
  out.resize(codes + (count + codes_per_byte - 1) / codes_per_byte);
  for (std::size_t i = 0; i < count; ++i) {
    const double value = set.values[i];
    unsigned code = code_absent;
    if (is_known(value)) {
      if (bits_of(value) == bits_of(layout.baseline[i])) {
        code = code_baseline;
      } else if (const auto packed = pack(value, layout.fields[i])) {
        code = code_packed;
        put_word(out, *packed, width_of(layout.fields[i].wire));
      } else {
        code = code_exact;
        put_word(out, bits_of(value), sizeof(double));
      }
    }
    auto& byte = out[codes + i / codes_per_byte];
    byte = static_cast<std::uint8_t>(byte | code << (2 * (i % codes_per_byte)));
  }
  put_word(out, checksum(row, out), Checksum::width);
}

bool is_whole(const Row& row, std::span<const std::uint8_t> data) {
  if (data.size() < Checksum::width) return false;
  const auto body = data.first(data.size() - Checksum::width);
  return ByteReader(data.last(Checksum::width)).word(Checksum::width) == checksum(row, body);
}

std::optional<ReadingSet> decode(const Row& row, std::span<const std::uint8_t> data, const Layout& layout) {
  if (!is_whole(row, data)) return std::nullopt;
  ByteReader reader(data.first(data.size() - Checksum::width));
  ReadingSet set;
  set.source = layout.source;
  set.time = {row.wall_us, take_boot_time(reader).monotonic_us};
  set.half_duration_us = reader.signed_varint();
  set.values.assign(layout.source->fields.size(), absent);
  const auto codes = reader.take((layout.fields.size() + codes_per_byte - 1) / codes_per_byte);
  if (!reader.ok()) return std::nullopt;
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    const unsigned code = unsigned{codes[i / codes_per_byte]} >> (2 * (i % codes_per_byte)) & 3U;
    const double value = take_value(reader, code, layout.fields[i], layout.baseline[i]);
    if (layout.fields[i].index != StoredField::unknown) set.values[layout.fields[i].index] = value;
  }
  if (!reader.at_end()) return std::nullopt;
  return set;
}

std::optional<BootTime> decode_boot_time(std::span<const std::uint8_t> data) {
  ByteReader reader(data);
  const BootTime time = take_boot_time(reader);
  if (!reader.ok()) return std::nullopt;
  return time;
}

}  // namespace flopwatt::store
