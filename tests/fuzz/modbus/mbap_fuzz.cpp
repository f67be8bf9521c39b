// A hostile device: any bytes, in any pieces, between any requests. The input is a script of steps;
// the frames in it are made of its own bytes, or of a good answer with some bytes changed, so that
// the depth is reached.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "drivers/modbus/wire/conversation.h"
#include "script.h"

namespace {

using namespace flopwatt;
using namespace flopwatt::modbus;
using Verdict = Conversation::Verdict;
using fuzz::require;
using fuzz::Script;

class Device {
 public:
  explicit Device(Script script) : script_(script) {}

  void run() {
    ask();
    while (!script_.ended()) step();
  }

 private:
  void step() {
    switch (script_.next() % 6) {
      case 0:
        hear(script_.take(script_.next()));
        break;
      case 1:
        hear(changed(good_answer()));
        break;
      case 2:
        hear(good_answer());
        break;
      case 3:
        hear(changed(last_answer_));
        break;
      case 4:
        if (!open_) break;
        if (!conversation_.give_up()) conversation_.restart();
        open_ = false;
        break;
      default:
        ask();
        break;
    }
    if (!open_) ask();
  }

  // The connection asks only when nothing is open, and reads only while something is.
  void ask() {
    if (open_) return;
    request_ = {script_.next(),
                script_.next() % 2 == 0 ? ReadFunction::holding_registers : ReadFunction::input_registers,
                static_cast<std::uint16_t>(script_.next() << 8),
                static_cast<std::uint16_t>(1 + script_.next() % max_registers_per_request)};
    const RequestFrame frame = conversation_.ask(request_, script_.next() % 4 == 0);
    require(frame[7] == 3 || frame[7] == 4);
    transaction_ = big_endian_u16(std::span(frame).first<2>());
    require(transaction_ != 0);
    open_ = true;
  }

  std::vector<std::uint8_t> good_answer() {
    const auto length = answer_length(request_);
    std::vector<std::uint8_t> bytes = {static_cast<std::uint8_t>(transaction_ >> 8),
                                       static_cast<std::uint8_t>(transaction_),
                                       0,
                                       0,
                                       static_cast<std::uint8_t>(length >> 8),
                                       static_cast<std::uint8_t>(length),
                                       request_.unit,
                                       static_cast<std::uint8_t>(request_.function),
                                       static_cast<std::uint8_t>(2 * request_.count)};
    bytes.resize(prefix_size + length, script_.next());
    last_answer_ = bytes;
    return bytes;
  }

  std::vector<std::uint8_t> changed(std::vector<std::uint8_t> bytes) {
    if (bytes.empty()) return bytes;
    bytes[script_.next() % std::min<std::size_t>(bytes.size(), 16)] = script_.next();
    if (script_.next() % 4 == 0) bytes.resize(script_.next() % bytes.size());
    return bytes;
  }

  void hear(std::span<const std::uint8_t> bytes) {
    while (open_ && !bytes.empty()) {
      const auto space = conversation_.space();
      require(!space.empty());
      const std::size_t piece = std::min({bytes.size(), space.size(), std::size_t{1} + script_.next()});
      std::ranges::copy(bytes.first(piece), space.begin());
      bytes = bytes.subspan(piece);
      judge(conversation_.received(piece));
    }
  }

  void judge(Verdict verdict) {
    if (verdict == Verdict::waiting) return;
    open_ = false;
    if (verdict == Verdict::registers) return fuzz::decode_all(conversation_.registers(), request_.count);
    require(conversation_.registers().empty());
    if (verdict == Verdict::exception) return;
    require(!conversation_.doubt().empty());
    conversation_.restart();
  }

  Script script_;
  Conversation conversation_;
  ReadRequest request_;
  std::uint16_t transaction_ = 0;
  bool open_ = false;
  std::vector<std::uint8_t> last_answer_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Device(Script({data, size})).run();
  return 0;
}
