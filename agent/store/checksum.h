// CRC-32 of a row. SQLite has no checksums in its pages, and a flipped bit must not be published as a
// measurement, nor change a total or a delivery mark.
#pragma once

#include <boost/crc.hpp>
#include <cstdint>
#include <span>
#include <string_view>

namespace flopwatt::store {

class Checksum {
 public:
  static constexpr std::size_t width = 4;  ///< bytes of value()

  Checksum& add(std::uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8)
      crc_.process_byte(static_cast<unsigned char>(value >> shift));
    return *this;
  }
  Checksum& add(std::span<const std::uint8_t> bytes) {
    crc_.process_bytes(bytes.data(), bytes.size());
    return *this;
  }
  Checksum& add(std::string_view text) {
    crc_.process_bytes(text.data(), text.size());
    return *this;
  }
  [[nodiscard]] std::uint32_t value() const { return crc_.checksum(); }

 private:
  boost::crc_32_type crc_;
};

}  // namespace flopwatt::store
