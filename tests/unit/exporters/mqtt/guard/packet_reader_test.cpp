#include "exporters/mqtt/guard/packet_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace flopwatt::mqtt;

namespace {

using Bytes = std::vector<std::uint8_t>;

// A PUBLISH of so many bytes after the header.
Bytes publish(std::size_t length) {
  Bytes bytes{0x30};
  std::size_t left = length;
  do {
    bytes.push_back(static_cast<std::uint8_t>(left % 128 + (left >= 128 ? 128 : 0)));
    left /= 128;
  } while (left > 0);
  bytes.resize(bytes.size() + length, 0xff);
  return bytes;
}

}  // namespace

TEST_CASE("packets end where their headers say, however the bytes come in") {
  Bytes stream{0x20, 0x03, 0x00, 0x00, 0x00, 0xd0, 0x00};  // CONNACK, PINGRESP
  for (const std::size_t length : {std::size_t{0}, std::size_t{127}, std::size_t{128}, std::size_t{20'000}}) {
    const Bytes packet = publish(length);
    stream.insert(stream.end(), packet.begin(), packet.end());
  }
  for (const std::size_t chunk :
       {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{4096}, stream.size()}) {
    CAPTURE(chunk);
    PacketReader reader(64 * 1024);
    std::vector<std::size_t> lengths;
    for (std::size_t at = 0; at < stream.size();) {
      std::span<const std::uint8_t> part(stream.data() + at, std::min(chunk, stream.size() - at));
      at += part.size();
      while (!part.empty()) {
        part = part.subspan(reader.read(part));
        if (reader.at_boundary()) lengths.push_back(reader.packet_bytes());
      }
    }
    CHECK(lengths == std::vector<std::size_t>{3, 0, 0, 127, 128, 20'000});
    CHECK(reader.fault() == PacketReader::Fault::none);
    CHECK(reader.type() == PacketType::publish);
  }
}

TEST_CASE("a packet that is too large, and a length that is none, are found in the header") {
  PacketReader reader(64 * 1024);
  const Bytes fits = publish(64 * 1024);
  CHECK(reader.read(fits) == fits.size());
  const Bytes large{0x30, 0x80, 0x84, 0xaf, 0x5f, 0x00};  // 200 MB
  CHECK(reader.read(large) == 5);
  CHECK(reader.fault() == PacketReader::Fault::too_large);
  CHECK(reader.packet_bytes() == 200'000'000);
  CHECK(reader.read(large) == 0);

  PacketReader other(64 * 1024);
  (void)other.read(Bytes{0x30, 0xff, 0xff, 0xff, 0xff, 0x01});
  CHECK(other.fault() == PacketReader::Fault::malformed);
}
