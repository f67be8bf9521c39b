// Which requests read a meter's registers: the fewest that its limits allow. Planned once; a poll only walks
// it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/wire/mbap.h"

namespace flopwatt::modbus {

/// Where in an answer a number for one register of the profile is.
struct ReadSlot {
  enum class Role : std::uint8_t {
    value,  ///< of the register itself
    minus,  ///< of its `minus`
    scale,  ///< of its scaled_by[scale_index]
  };
  std::uint16_t offset = 0;        ///< in registers from the beginning of the answer
  std::size_t register_index = 0;  ///< into the registers that were planned
  Role role = Role::value;
  std::uint8_t scale_index = 0;

  bool operator==(const ReadSlot&) const = default;
};

struct PlannedRead {
  ReadFunction function = ReadFunction::holding_registers;
  std::uint16_t address = 0;
  std::uint16_t count = 0;
  std::vector<ReadSlot> slots;  ///< by offset

  bool operator==(const PlannedRead&) const = default;
};

struct ReadPlan {
  /// Each poll. The first read holds the imported energy of the whole meter (else its active power, else what
  /// comes first): its midpoint is the time of the set, so it is sent first. The others follow by function
  /// and address.
  std::vector<PlannedRead> reads;
  /// Once for each connection: scale registers that cannot be in one request with their values.
  std::vector<PlannedRead> at_connect;

  bool operator==(const ReadPlan&) const = default;
};

/// The fewest requests in which
///   every register lies whole within one, together with its `minus`, and with its scale registers where the
///   limits allow that (an answer then cannot mix a value with the scale of another moment);
///   a request has one function, at most `max_registers` (and what the protocol allows), no gap above
///   `max_hole` of addresses where the profile knows no register (and which `even` and `block` do not read
///   anyway), touches nothing `forbidden`, and starts and ends as `even` and `block` want it;
///   what is `alone` has a request of its own; nothing is read over it, but as a gap.
/// That scales come with their values goes before the number of requests: where a scale register lies far
/// from its values a smaller `max_hole` makes fewer requests, and reads it at each connect. Of several scale
/// registers of one register that fit each by itself, but not all, the first in the profile's order come
/// along. With that choice made, no plan has fewer requests.
/// A register that is, with its `minus`, wider than max_registers and max_hole allow still gets a request of
/// its own, which the device may refuse. One that cannot be read without touching what is forbidden, nor
/// within what the protocol allows, is in no request.
[[nodiscard]] ReadPlan plan_reads(std::span<const Register> registers, const ReadLimits& limits);

}  // namespace flopwatt::modbus
