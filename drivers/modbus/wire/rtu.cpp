#include "drivers/modbus/wire/rtu.h"

#include <algorithm>
#include <boost/crc.hpp>

namespace flopwatt::modbus {

RtuRequestFrame encode_rtu(const ReadRequest& request) {
  RtuRequestFrame frame{};
  const RequestBody body = encode_body(request);
  std::ranges::copy(body, frame.begin());
  const std::uint16_t sum = checksum(body);
  frame[body.size()] = static_cast<std::uint8_t>(sum);
  frame[body.size() + 1] = static_cast<std::uint8_t>(sum >> 8);
  return frame;
}

std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
  boost::crc_optimal<16, 0x8005, 0xFFFF, 0, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

bool has_good_checksum(std::span<const std::uint8_t> frame) {
  if (frame.size() < checksum_size) return false;
  const auto body = frame.first(frame.size() - checksum_size);
  const std::uint16_t sum = checksum(body);
  return frame[body.size()] == (sum & 0xFF) && frame[body.size() + 1] == sum >> 8;
}

Reply decode_rtu_reply(std::span<const std::uint8_t> frame, const ReadRequest& request) {
  return decode_body(frame.first(frame.size() - checksum_size), request, false);
}

}  // namespace flopwatt::modbus
