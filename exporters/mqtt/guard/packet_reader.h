// Follows the packets of MQTT in a stream of bytes by their fixed headers (MQTT 5.0, section 2.1), without keeping
// them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace flopwatt::mqtt {

/// The packets that the guard knows by name: the high four bits of a header.
enum class PacketType : std::uint8_t {
  connack = 2,
  publish = 3,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
};

class PacketReader {
 public:
  enum class Fault : std::uint8_t {
    none,
    too_large,  ///< a packet is larger than `largest`, see packet_bytes()
    malformed,  ///< what stands where a length should is none
  };

  /// `largest`: bytes after the fixed header that a packet may have.
  explicit PacketReader(std::size_t largest) : largest_(largest) {}

  /// Reads on, up to the end of the next packet or of `bytes`; returns how many were read. After a fault it reads
  /// nothing more.
  std::size_t read(std::span<const std::uint8_t> bytes);

  [[nodiscard]] Fault fault() const { return fault_; }
  /// What comes is no MQTT for another reason.
  void give_up() { fault_ = Fault::malformed; }
  /// Whether the byte read last was the last one of a packet. True before the first.
  [[nodiscard]] bool at_boundary() const { return part_ == Part::type; }
  /// Of the packet that was read last, or is being read.
  [[nodiscard]] PacketType type() const { return static_cast<PacketType>(first_ >> 4); }
  /// As its header says, after the header.
  [[nodiscard]] std::size_t packet_bytes() const { return length_; }

 private:
  enum class Part : std::uint8_t { type, length, body };

  void read_length(std::uint8_t byte);

  const std::size_t largest_;
  Part part_ = Part::type;
  Fault fault_ = Fault::none;
  std::uint8_t first_ = 0;
  std::size_t length_ = 0;
  unsigned shift_ = 0;
  std::size_t left_ = 0;
};

}  // namespace flopwatt::mqtt
