#include "replies.h"

#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace rack {
namespace {

constexpr std::size_t kLength = 4;  // places in the MBAP header and behind it
constexpr std::size_t kUnitByte = 6;
constexpr std::size_t kFunction = 7;
constexpr std::size_t kAddress = 8;
constexpr std::size_t kCount = 10;
constexpr std::size_t kReadRequest = 12;

unsigned word_at(const Frame& frame, std::size_t place) { return frame[place] * 256U + frame[place + 1]; }

}  // namespace

ReplyWriter::ReplyWriter() : context_(modbus_new_tcp("127.0.0.1", 0)) {
  if (!context_ || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets_) != 0)
    throw std::runtime_error("no sockets for the replies");
  modbus_set_socket(context_.get(), sockets_[0]);
}

ReplyWriter::~ReplyWriter() {
  close(sockets_[0]);
  close(sockets_[1]);
}

Frame ReplyWriter::taken(int length) {
  if (length <= 0) return {};
  Frame frame(static_cast<std::size_t>(length));
  if (recv(sockets_[1], frame.data(), frame.size(), MSG_WAITALL) != length) return {};
  return frame;
}

Frame ReplyWriter::values(const Frame& request, const std::vector<std::uint16_t>& values) {
  const std::lock_guard lock(mutex_);
  const bool input = request[kFunction] == 4;
  const unsigned address = word_at(request, kAddress);
  const auto count = static_cast<unsigned>(values.size());
  modbus_mapping_t* mapping =
      modbus_mapping_new_start_address(0, 0, 0, 0, address, input ? 0 : count, address, input ? count : 0);
  if (!mapping) return {};
  std::uint16_t* target = input ? mapping->tab_input_registers : mapping->tab_registers;
  for (std::size_t i = 0; i < values.size(); ++i) target[i] = values[i];
  const int length = modbus_reply(context_.get(), request.data(), static_cast<int>(request.size()), mapping);
  modbus_mapping_free(mapping);
  return taken(length);
}

Frame ReplyWriter::exception(const Frame& request, std::uint8_t code) {
  const std::lock_guard lock(mutex_);
  // libmodbus writes only the codes it has names for; of the others it writes the first and
  // the code is changed.
  const bool named = code >= kIllegalFunction && code < MODBUS_EXCEPTION_MAX;
  Frame frame =
      taken(modbus_reply_exception(context_.get(), request.data(), named ? code : kIllegalFunction));
  if (!frame.empty()) frame.back() = code;
  return frame;
}

Frame right_reply(ReplyWriter& writer, const Frame& request, const Meter& meter,
                  const MeterFigures& figures) {
  const unsigned function = request[kFunction];
  const bool readable = function == static_cast<unsigned>(meter.function) ||
                        (meter.kind == MeterKind::sdm630 && (function == 3 || function == 4));
  if (!readable) return writer.exception(request, kIllegalFunction);
  if (request.size() < kReadRequest) return writer.exception(request, kIllegalValue);
  const unsigned address = word_at(request, kAddress);
  const unsigned count = word_at(request, kCount);
  if (count == 0 || count > meter.max_registers) return writer.exception(request, kIllegalValue);
  // Eastron's meters know no half values.
  if (meter.kind == MeterKind::sdm630 && (address % 2 != 0 || count % 2 != 0))
    return writer.exception(request, kIllegalAddress);
  const RegisterImage image = image_of(meter, static_cast<int>(function), figures);
  // A hole lies between known registers; behind the last one no meter reads zero.
  if (image.empty() || address + count > image.rbegin()->first + 1)
    return writer.exception(request, kIllegalAddress);
  std::vector<std::uint16_t> values;
  for (unsigned i = address; i < address + count; ++i) {
    const auto found = image.find(i);
    if (found == image.end() && !meter.holes_read_zero) return writer.exception(request, kIllegalAddress);
    values.push_back(found == image.end() ? std::uint16_t{0} : found->second);
  }
  return writer.values(request, values);
}

void spoil(Frame& frame, const MeterSwitches& switches) {
  if (frame.size() <= kFunction) return;
  if (switches[MeterFault::wrong_unit].load())
    frame[kUnitByte] = static_cast<std::uint8_t>(frame[kUnitByte] + 1);
  if (switches[MeterFault::wrong_tid].load()) frame[1] = static_cast<std::uint8_t>(frame[1] + 1);
  if (switches[MeterFault::length].load()) frame[kLength] = frame[kLength + 1] = 0xFF;
  if (switches[MeterFault::truncate].load()) frame.resize(frame.size() / 2);
  if (switches[MeterFault::trailing].load()) frame.insert(frame.end(), {0xDE, 0xAD, 0xBE, 0xEF});
}

}  // namespace rack
