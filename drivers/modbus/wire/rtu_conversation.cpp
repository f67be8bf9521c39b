#include "drivers/modbus/wire/rtu_conversation.h"

#include <utility>

namespace flopwatt::modbus {

using Verdict = RtuConversation::Verdict;

RtuRequestFrame RtuConversation::ask(const ReadRequest& request, bool /*any_unit*/) {
  end_ = 0;
  request_ = request;
  reply_ = {};
  return encode_rtu(request);
}

Verdict RtuConversation::received(std::size_t count) {
  end_ += count;
  return judge(std::span(buffer_).first(end_));
}

bool RtuConversation::give_up() {
  end_ = 0;
  return false;
}

Verdict RtuConversation::judge(std::span<const std::uint8_t> frame) {
  // The shape is judged as soon as it shows: a wrong length would otherwise be waited for.
  if (frame.size() < exception_length) return Verdict::waiting;
  if (frame[0] != request_.unit)
    return in_doubt(mismatch({Reply::Kind::wrong_unit, frame[0], {}}, request_) +
                    "; a port that speaks Modbus TCP is written as tcp://");
  const auto function = static_cast<std::uint8_t>(request_.function);
  const bool refused = frame[1] == (function | exception_bit);
  if (!refused && frame[1] != function)
    return in_doubt(mismatch({Reply::Kind::wrong_function, frame[1], {}}, request_));
  if (!refused && frame[2] != 2 * request_.count)
    return in_doubt(mismatch({Reply::Kind::wrong_byte_count, frame[2], {}}, request_));
  const std::size_t size = refused ? rtu_exception_size : rtu_answer_size(request_);
  if (frame.size() < size) return Verdict::waiting;
  if (frame.size() > size) return in_doubt(std::to_string(frame.size() - size) + " bytes follow the answer");
  if (!has_good_checksum(frame)) return in_doubt("the answer's checksum is wrong", FaultClass::crc);
  end_ = 0;
  reply_ = decode_rtu_reply(frame, request_);
  return reply_.kind == Reply::Kind::exception ? Verdict::exception : Verdict::registers;
}

Verdict RtuConversation::in_doubt(std::string reason, FaultClass fault_class) {
  end_ = 0;
  reply_ = {};
  doubt_ = std::move(reason);
  doubt_class_ = fault_class;
  return Verdict::doubt;
}

}  // namespace flopwatt::modbus
