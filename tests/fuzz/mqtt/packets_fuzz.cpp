// Bytes from a broker: the reader of packets comes to the same ends of packets and to the same fault however the bytes
// come in, and takes nothing after a fault. The first byte is the size of the parts.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "exporters/mqtt/guard/packet_reader.h"

namespace {

using flopwatt::mqtt::PacketReader;

constexpr std::size_t largest = 64 * 1024;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Told {
  std::vector<std::size_t> ends;  // of packets, in bytes from the begin
  PacketReader::Fault fault = PacketReader::Fault::none;

  bool operator==(const Told&) const = default;
};

Told read_in_parts(std::span<const std::uint8_t> bytes, std::size_t part_size) {
  PacketReader reader(largest);
  Told told;
  std::size_t at = 0;
  while (at < bytes.size()) {
    std::span<const std::uint8_t> part = bytes.subspan(at, std::min(part_size, bytes.size() - at));
    while (!part.empty()) {
      const std::size_t taken = reader.read(part);
      require(taken <= part.size());
      if (reader.fault() != PacketReader::Fault::none) {
        require(reader.read(part) == 0);
        told.fault = reader.fault();
        return told;
      }
      require(taken > 0 && (!reader.at_boundary() || reader.packet_bytes() <= largest));
      at += taken;
      part = part.subspan(taken);
      if (reader.at_boundary()) told.ends.push_back(at);
    }
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::span<const std::uint8_t> bytes(data + 1, size - 1);
  require(read_in_parts(bytes, std::size_t{data[0]} + 1) == read_in_parts(bytes, bytes.size()));
  return 0;
}
