// The frames on one Modbus TCP connection: which bytes answer the open request, which ones are a late answer,
// and when the framing can no longer be trusted. Pure; holds the receive buffer.
//
// One request is open at a time. A request that was given up keeps its transaction id for a while, so that
// its late answer is recognised and dropped. Any other bytes that do not fit the open request are doubt.
// After doubt the connection is closed, since nothing in a byte stream marks the beginning of the next frame.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "drivers/modbus/wire/mbap.h"
#include "readings/fault.h"

namespace flopwatt::modbus {

class Conversation {
 public:
  enum class Verdict : std::uint8_t {
    waiting,    ///< no answer yet, or late answers only: read on, the deadline stays
    registers,  ///< the answer has come: see registers()
    exception,  ///< the device or a gateway refuses: exception_code()
    doubt,      ///< close the connection: doubt() says why
  };

  /// Opens a request and returns its bytes. With `any_unit` an answer of another unit id is accepted.
  [[nodiscard]] RequestFrame ask(const ReadRequest& request, bool any_unit = false);

  /// Where the next bytes of the connection go; never empty while a request is open.
  [[nodiscard]] std::span<std::uint8_t> space();

  /// `count` bytes were put into space().
  Verdict received(std::size_t count);

  /// Whether a part of a frame has been received.
  [[nodiscard]] bool has_begun() const { return begin_ != end_; }

  /// No answer came in time. False: close the connection, since the rest of a frame that has begun would be
  /// taken for the next frame.
  [[nodiscard]] bool give_up();

  /// Whether bytes that come while no request is open can be distinguished from the next answer.
  static constexpr bool recognises_late_answers = true;

  /// The connection is a new one: nothing of the old one arrives any more. Transaction ids go on counting.
  void restart();

  /// 2 bytes for each register, big-endian; valid until the next call.
  [[nodiscard]] std::span<const std::uint8_t> registers() const { return reply_.registers; }
  [[nodiscard]] std::uint8_t exception_code() const { return reply_.code; }
  [[nodiscard]] static FaultClass doubt_class() { return FaultClass::protocol; }
  /// Why the framing is in doubt, as the end of a sentence.
  [[nodiscard]] const std::string& doubt() const { return doubt_; }

 private:
  /// A request that was given up and may still be answered.
  struct GivenUp {
    std::uint16_t transaction = 0;  // 0: none; ids start at 1
    std::uint16_t answer_length = 0;
  };

  Verdict judge();
  Verdict judge_open(std::span<const std::uint8_t> frame);
  Verdict judge_rest(Verdict verdict);
  Verdict in_doubt(std::string reason);
  GivenUp* find_given_up(std::uint16_t transaction);
  void forget(GivenUp& request);
  [[nodiscard]] std::span<const std::uint8_t> pending() const;

  // Late answers come before the one waited for: room for both, so that one read takes them.
  std::array<std::uint8_t, 2 * max_frame_size> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;

  ReadRequest request_;
  std::uint16_t transaction_ = 0;
  bool any_unit_ = false;
  bool open_ = false;
  Reply reply_;
  std::string doubt_;
  // A device that loses answers now and then must not fill memory: the oldest request is forgotten, and its
  // late answer is doubt.
  std::array<GivenUp, 16> given_up_{};
  std::size_t next_given_up_ = 0;
  std::size_t late_answers_ = 0;  // how many of given_up_ may still be answered
};

}  // namespace flopwatt::modbus
