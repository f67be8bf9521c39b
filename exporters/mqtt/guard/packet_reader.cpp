#include "exporters/mqtt/guard/packet_reader.h"

#include <algorithm>

namespace flopwatt::mqtt {
namespace {

constexpr std::uint8_t more_follows = 0x80;
constexpr unsigned bits_a_byte = 7, last_shift = 21;  // a length has four bytes at most

}  // namespace

std::size_t PacketReader::read(std::span<const std::uint8_t> bytes) {
  std::size_t done = 0;
  while (done < bytes.size() && fault_ == Fault::none) {
    if (part_ == Part::type) {
      first_ = bytes[done++];
      length_ = 0;
      shift_ = 0;
      part_ = Part::length;
    } else if (part_ == Part::length) {
      read_length(bytes[done++]);
    } else {
      const std::size_t taken = std::min(left_, bytes.size() - done);
      done += taken;
      left_ -= taken;
      if (left_ == 0) part_ = Part::type;
    }
    if (part_ == Part::type) break;
  }
  return done;
}

void PacketReader::read_length(std::uint8_t byte) {
  length_ |= static_cast<std::size_t>(byte & ~more_follows) << shift_;
  if ((byte & more_follows) != 0) {
    if (shift_ == last_shift) fault_ = Fault::malformed;
    shift_ += bits_a_byte;
    return;
  }
  if (length_ > largest_) fault_ = Fault::too_large;
  left_ = length_;
  part_ = left_ == 0 ? Part::type : Part::body;
}

}  // namespace flopwatt::mqtt
