// A hostile device behind a stream of RTU frames: any bytes, in any pieces, between any requests; and any
// frame with a good checksum, as a serial line hands it on. The input is a script of steps, as in mbap_fuzz.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "drivers/modbus/wire/rtu_conversation.h"
#include "script.h"

namespace {

using namespace flopwatt;
using namespace flopwatt::modbus;
using fuzz::require;
using Verdict = RtuConversation::Verdict;

class Device {
 public:
  explicit Device(fuzz::Script script) : script_(script) {}

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
        hear(sealed(script_.take(script_.next())));
        break;
      case 4:
        require(!conversation_.give_up());
        open_ = false;
        break;
      default:
        decode_frame(script_.take(script_.next()));
        break;
    }
    if (!open_) ask();
  }

  void ask() {
    request_ = {script_.next(),
                script_.next() % 2 == 0 ? ReadFunction::holding_registers : ReadFunction::input_registers,
                static_cast<std::uint16_t>(script_.next() << 8),
                static_cast<std::uint16_t>(1 + script_.next() % max_registers_per_request)};
    const RtuRequestFrame frame = conversation_.ask(request_);
    require(frame[1] == 3 || frame[1] == 4);
    require(has_good_checksum(frame));
    require(!conversation_.has_begun());
    open_ = true;
  }

  static std::vector<std::uint8_t> sealed(std::vector<std::uint8_t> bytes) {
    const std::uint16_t sum = checksum(bytes);
    bytes.push_back(static_cast<std::uint8_t>(sum));
    bytes.push_back(static_cast<std::uint8_t>(sum >> 8));
    return bytes;
  }

  std::vector<std::uint8_t> good_answer() {
    std::vector<std::uint8_t> bytes = {request_.unit, static_cast<std::uint8_t>(request_.function),
                                       static_cast<std::uint8_t>(2 * request_.count)};
    bytes.resize(answer_length(request_), script_.next());
    return sealed(std::move(bytes));
  }

  std::vector<std::uint8_t> changed(std::vector<std::uint8_t> bytes) {
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

  // What libmodbus hands on: a checksum that fits, and all else as the device likes it.
  void decode_frame(const std::vector<std::uint8_t>& body) const {
    if (body.size() < min_length) return;
    const auto frame = sealed(body);
    require(has_good_checksum(frame));
    const Reply reply = decode_rtu_reply(frame, request_);
    if (reply.kind == Reply::Kind::registers) fuzz::decode_all(reply.registers, request_.count);
  }

  fuzz::Script script_;
  RtuConversation conversation_;
  ReadRequest request_;
  bool open_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Device(fuzz::Script({data, size})).run();
  return 0;
}
