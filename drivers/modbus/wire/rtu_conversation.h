// What is said on one byte stream that carries RTU frames (a serial device server's), without the connection:
// the counterpart of Conversation. Pure; holds the receive buffer.
//
// Such a frame carries no transaction id: a late answer cannot be told from the answer to the next request.
// So what is not the one whole answer to the open request is doubt, a request that was given up closes the
// connection, and so do bytes that come while nothing is asked.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "drivers/modbus/wire/conversation.h"
#include "drivers/modbus/wire/rtu.h"

namespace flopwatt::modbus {

class RtuConversation {
 public:
  using Verdict = Conversation::Verdict;

  /// Opens a request and returns its bytes. A frame of another unit is never taken.
  [[nodiscard]] RtuRequestFrame ask(const ReadRequest& request, bool any_unit = false);

  /// Where the next bytes from the connection are to be put; never empty while a request is open.
  [[nodiscard]] std::span<std::uint8_t> space() { return std::span(buffer_).subspan(end_); }

  /// `count` bytes were put into space().
  Verdict received(std::size_t count);

  /// Whether a part of a frame has come.
  [[nodiscard]] bool has_begun() const { return end_ > 0; }

  /// No answer in time. Always false: close.
  [[nodiscard]] bool give_up();

  static constexpr bool tells_late_answers = false;

  /// A new connection: nothing of the old one can arrive any more.
  void restart() { end_ = 0; }

  /// 2 bytes a register, big-endian; valid until the next call.
  [[nodiscard]] std::span<const std::uint8_t> registers() const { return reply_.registers; }
  [[nodiscard]] std::uint8_t exception_code() const { return reply_.code; }
  /// crc where a frame of the right shape has a wrong checksum, else protocol.
  [[nodiscard]] FaultClass doubt_class() const { return doubt_class_; }
  /// Why the framing is in doubt, as the rest of a sentence.
  [[nodiscard]] const std::string& doubt() const { return doubt_; }

 private:
  Verdict judge(std::span<const std::uint8_t> frame);
  Verdict in_doubt(std::string reason, FaultClass fault_class = FaultClass::protocol);

  std::array<std::uint8_t, max_rtu_frame_size + 1> buffer_{};  // room to see that something follows
  std::size_t end_ = 0;
  ReadRequest request_;
  Reply reply_;
  std::string doubt_;
  FaultClass doubt_class_ = FaultClass::protocol;
};

}  // namespace flopwatt::modbus
