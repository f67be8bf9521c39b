#include "exporters/mqtt/guard/connack.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "runtime/text/number_text.h"

namespace flopwatt::mqtt {
namespace {

constexpr std::uint8_t connack = 0x20, server_reference = 0x1C;
constexpr std::size_t longest_reference = 200;

// Takes values from the front; nullopt where too few bytes are left.
class Bytes {
 public:
  explicit Bytes(std::string_view left) : left_(left) {}

  [[nodiscard]] bool empty() const { return left_.empty(); }
  std::optional<std::string_view> take(std::size_t count) {
    if (count > left_.size()) return std::nullopt;
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }
  std::optional<std::uint8_t> byte() {
    const auto taken = take(1);
    return taken ? std::optional(static_cast<std::uint8_t>(taken->front())) : std::nullopt;
  }
  // "Variable Byte Integer" of MQTT 5, section 1.5.5.
  std::optional<std::size_t> length() {
    std::size_t value = 0;
    for (unsigned shift = 0; shift <= 21; shift += 7) {
      const auto next = byte();
      if (!next) return std::nullopt;
      value |= static_cast<std::size_t>(*next & 0x7FU) << shift;
      if (*next < 0x80) return value;
    }
    return std::nullopt;
  }
  std::optional<std::string_view> text() {
    const auto high = byte(), low = byte();
    return high && low ? take(*high * std::size_t{256} + *low) : std::nullopt;
  }

 private:
  std::string_view left_;
};

// The value of a property, of which the text is wanted of `server_reference` only (MQTT 5, section 2.2.2.2).
std::optional<std::string_view> take_value(Bytes& properties, std::uint8_t id) {
  switch (id) {
    case 0x11:  // session expiry
    case 0x27:  // maximum packet size
      return properties.take(4);
    case 0x13:  // server keep alive
    case 0x21:  // receive maximum
    case 0x22:  // topic alias maximum
      return properties.take(2);
    case 0x24:  // maximum QoS
    case 0x25:  // retain available
    case 0x28:  // wildcard subscriptions
    case 0x29:  // subscription identifiers
    case 0x2A:  // shared subscriptions
      return properties.take(1);
    case 0x26:  // user property: two texts
      return properties.text() ? properties.text() : std::nullopt;
    case 0x12:  // assigned client id
    case 0x15:  // authentication method
    case 0x16:  // authentication data
    case 0x1A:  // response information
    case server_reference:
    case 0x1F:  // reason string
      return properties.text();
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string server_reference_of(std::string_view bytes) {
  Bytes packet(bytes);
  constexpr std::size_t flags_and_reason = 2;
  if (packet.byte() != connack || !packet.length() || !packet.take(flags_and_reason)) return {};
  const auto length = packet.length();
  if (!length) return {};
  const auto all = packet.take(*length);
  if (!all) return {};
  Bytes properties(*all);
  while (const auto id = properties.byte()) {
    const auto value = take_value(properties, *id);
    if (!value) return {};
    if (*id == server_reference) return plain_utf8(value->substr(0, longest_reference));
  }
  return {};
}

}  // namespace flopwatt::mqtt
