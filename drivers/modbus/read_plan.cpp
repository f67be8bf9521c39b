#include "drivers/modbus/read_plan.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace flopwatt::modbus {
namespace {

// Wider than u16: address + width may be 65536.
using Address = std::uint32_t;

struct Extent {
  Address begin = 0, end = 0;
};

Extent extent_of(const Register& reg) { return {reg.address, Address{reg.address} + reg.width()}; }

Extent aligned(Extent extent, const ReadLimits& limits) {
  if (!limits.even) return extent;
  return {extent.begin & ~Address{1}, (extent.end + 1) & ~Address{1}};
}

bool may_join(Extent request, Extent next, const ReadLimits& limits) {
  if (next.begin > request.end + limits.max_hole) return false;
  const Extent joined = aligned({request.begin, std::max(request.end, next.end)}, limits);
  return joined.end - joined.begin <= std::min(limits.max_registers, max_registers_per_request);
}

// One request, of registers order[first..last).
PlannedRead make_read(std::span<const Register> registers, std::span<const std::size_t> members, Extent used,
                      const ReadLimits& limits) {
  const Extent extent = aligned(used, limits);
  PlannedRead read{static_cast<ReadFunction>(registers[members.front()].function),
                   static_cast<std::uint16_t>(extent.begin),
                   static_cast<std::uint16_t>(extent.end - extent.begin),
                   {}};
  for (const std::size_t index : members)
    read.slots.push_back({static_cast<std::uint16_t>(registers[index].address - extent.begin), index,
                          ReadSlot::Role::value, 0});
  return read;
}

// The register whose moment is the set's: accounting takes energy from the counter first.
std::size_t timed_register(std::span<const Register> registers, std::size_t otherwise) {
  for (const Quantity quantity : {Quantity::energy_import, Quantity::active_power}) {
    const auto found = std::ranges::find(registers, Channel{.quantity = quantity, .place = Place::whole},
                                         &Register::channel);
    if (found != registers.end()) return static_cast<std::size_t>(found - registers.begin());
  }
  return otherwise;
}

}  // namespace

// Walking the registers by address and joining while it is allowed is optimal: a request that begins at the
// lowest register not yet read can leave none of those it could take to a later one without loss, and a gap
// above max_hole separates the requests of every plan.
ReadPlan plan_reads(std::span<const Register> registers, const ReadLimits& limits) {
  std::vector<std::size_t> order(registers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t index) {
    return std::tuple(registers[index].function, registers[index].address);
  });

  std::vector<PlannedRead> plan;
  for (std::size_t first = 0; first < order.size();) {
    Extent used = extent_of(registers[order[first]]);
    std::size_t last = first + 1;
    for (; last < order.size(); ++last) {
      const Register& next = registers[order[last]];
      if (next.function != registers[order[first]].function || !may_join(used, extent_of(next), limits))
        break;
      used.end = std::max(used.end, extent_of(next).end);
    }
    plan.push_back(make_read(registers, std::span(order).subspan(first, last - first), used, limits));
    first = last;
  }

  if (plan.empty()) return {};
  const std::size_t timed = timed_register(registers, order.front());
  const auto timed_read = std::ranges::find_if(plan, [&](const PlannedRead& read) {
    return std::ranges::find(read.slots, timed, &ReadSlot::register_index) != read.slots.end();
  });
  std::rotate(plan.begin(), timed_read, timed_read + 1);
  return {std::move(plan), {}};
}

}  // namespace flopwatt::modbus
