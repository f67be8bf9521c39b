// Which requests read a meter's registers: the fewest that the meter's limits allow. Pure. A meter is planned
// once, not for each poll.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/wire/mbap.h"

namespace flopwatt::modbus {

/// Where an answer holds a number that belongs to a register of the profile.
struct ReadSlot {
  enum class Role : std::uint8_t {
    value,  ///< the number of the register itself
    minus,  ///< what is subtracted from that number: Register::minus
    scale,  ///< what scales that number: Register::scaled_by[scale_index]
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
  /// In the order of their offsets.
  std::vector<ReadSlot> slots;

  bool operator==(const PlannedRead&) const = default;
};

struct ReadPlan {
  /// Sent in each poll. The first read holds the imported energy of the whole meter, else its active power,
  /// else the first register: its midpoint is the time of the set. The others follow by function and address.
  std::vector<PlannedRead> reads;
  /// Sent once for each connection: scale registers that cannot be in one request with their values.
  std::vector<PlannedRead> at_connect;

  bool operator==(const ReadPlan&) const = default;
};

/// The fewest requests that keep these rules:
///   Every register lies whole within one request, together with its `minus`. Its scale registers are in the
///   same request where the limits allow that: a value is then never scaled by the factor of another moment.
///   A request has one function and at most `max_registers`, and no more than the protocol allows.
///   A request has no gap above `max_hole`: a row of addresses without a register of the profile, which
///   `even` and `block` do not require.
///   A request touches nothing that is `forbidden`, and starts and ends as `even` and `block` require.
///   A register that is `alone` has a request of its own. Others read over it as over a gap.
///
/// Scale registers with their values come before fewer requests. Example: where a scale register lies far
/// from its values, a smaller `max_hole` leads to fewer requests, and to a scale register that is read at
/// each connect. Where not all scale registers of a register fit, the request takes the first ones in the
/// order of the profile.
///
/// A register that is wider, with its `minus`, than max_registers and max_hole allow has a request of
/// its own, which the device may refuse. A register that cannot be read without touching what is forbidden,
/// or within what the protocol allows, is in no request.
[[nodiscard]] ReadPlan plan_reads(std::span<const Register> registers, const ReadLimits& limits);

}  // namespace flopwatt::modbus
