// A hostile device: any bytes, in any pieces, between any requests. The input is a script of steps; the
// frames in it are made of its own bytes, or of a good answer with some bytes changed, so that the depth is
// reached.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

#include "drivers/modbus/conversation.h"
#include "drivers/modbus/decode.h"
#include "readings/reading_set.h"

namespace {

using namespace flopwatt;
using namespace flopwatt::modbus;
using Verdict = Conversation::Verdict;

constexpr std::pair<Wire, std::size_t> wires[] = {{Wire::u16, 1}, {Wire::i16, 1}, {Wire::u32, 2},
                                                  {Wire::i32, 2}, {Wire::u64, 4}, {Wire::i64, 4},
                                                  {Wire::f32, 2}, {Wire::f64, 4}};

void require(bool held) {
  if (!held) std::abort();
}

class Script {
 public:
  explicit Script(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ended() const { return bytes_.empty(); }

  std::uint8_t next() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  std::vector<std::uint8_t> take(std::size_t count) {
    count = std::min(count, bytes_.size());
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

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
    if (verdict == Verdict::registers) return decode_all();
    require(conversation_.registers().empty());
    if (verdict == Verdict::exception) return;
    require(!conversation_.doubt().empty());
    conversation_.restart();
  }

  void decode_all() {
    const auto registers = conversation_.registers();
    require(registers.size() == std::size_t{2} * request_.count);
    for (const auto& [wire, width] : wires) {
      for (const WordOrder order : {WordOrder::big, WordOrder::little}) {
        if (width > request_.count) continue;
        Register reg;
        reg.wire = wire;
        reg.word_order = order;
        const double value = decode(registers.first(2 * width), reg);
        require(!is_known(value) || std::isfinite(value));
      }
    }
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
