// The frames on one TCP connection to a serial device server, which carries RTU frames: the counterpart of
// Conversation. Pure; holds the receive buffer.
//
// An RTU frame has no transaction id: a late answer looks like the answer to the next request. So any bytes
// but the one whole answer to the open request are doubt. A request that is given up closes the connection,
// and so do bytes that come while no request is open.
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

  /// Opens a request and returns its bytes. A frame of another unit is never accepted.
  [[nodiscard]] RtuRequestFrame ask(const ReadRequest& request, bool any_unit = false);

  /// Where the next bytes of the connection go; never empty while a request is open.
  [[nodiscard]] std::span<std::uint8_t> space() { return std::span(buffer_).subspan(end_); }

  /// `count` bytes were put into space().
  Verdict received(std::size_t count);

  /// Whether a part of a frame has been received.
  [[nodiscard]] bool has_begun() const { return end_ > 0; }

  /// No answer came in time. Always false: close the connection.
  [[nodiscard]] bool give_up();

  static constexpr bool recognises_late_answers = false;

  /// The connection is a new one: nothing of the old one arrives any more.
  void restart() { end_ = 0; }

  /// 2 bytes for each register, big-endian; valid until the next call.
  [[nodiscard]] std::span<const std::uint8_t> registers() const { return reply_.registers; }
  [[nodiscard]] std::uint8_t exception_code() const { return reply_.code; }
  /// crc where a frame of the right size has a wrong checksum, else protocol.
  [[nodiscard]] FaultClass doubt_class() const { return doubt_class_; }
  /// Why the framing is in doubt, as the end of a sentence.
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
