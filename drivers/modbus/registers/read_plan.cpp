#include "drivers/modbus/registers/read_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <tuple>
#include <utility>

namespace flopwatt::modbus {
namespace {

// Wider than u16: address + width may be 65536.
using Address = std::uint32_t;
constexpr Address address_space = 65536;

struct Extent {
  Address begin = 0, end = 0;

  bool operator==(const Extent&) const = default;
};

Extent extent_of(std::uint16_t address, std::uint16_t width) { return {address, Address{address} + width}; }

Extent hull(Extent a, Extent b) { return {std::min(a.begin, b.begin), std::max(a.end, b.end)}; }

bool overlap(Extent a, Extent b) { return a.begin < b.end && b.begin < a.end; }

// The registers of one function: which of them the profile knows, or are read along with those that it knows,
// and what a request for some may look like.
class Space {
 public:
  explicit Space(const ReadLimits& limits)
      : limits_(limits),
        step_(std::lcm(std::max<Address>(limits.block, 1), limits.even ? Address{2} : Address{1})) {}

  void add_known(Extent extent) { known_.push_back(aligned(extent)); }

  // Once all are added: leaves apart, by address, what does not touch.
  void settle() {
    std::ranges::sort(known_, {}, &Extent::begin);
    std::vector<Extent> merged;
    for (const Extent extent : known_) {
      if (!merged.empty() && extent.begin <= merged.back().end)
        merged.back() = hull(merged.back(), extent);
      else
        merged.push_back(extent);
    }
    known_ = std::move(merged);
  }

  // What a request for `extent` touches, since requests start and end at multiples of step_.
  [[nodiscard]] Extent aligned(Extent extent) const {
    return {extent.begin / step_ * step_, (extent.end + step_ - 1) / step_ * step_};
  }

  // Whether such a request can be sent, and may be.
  [[nodiscard]] bool can_read(Extent extent) const {
    const Extent request = aligned(extent);
    return request.end <= address_space && request.end - request.begin <= max_registers_per_request &&
           std::ranges::none_of(limits_.forbidden, [&](const AddressRange& range) {
             return overlap(request, {range.first, Address{range.last} + 1});
           });
  }

  // Whether the device's limits allow it too. What they allow, they allow of every part of it.
  [[nodiscard]] bool allows(Extent extent) const {
    const Extent request = aligned(extent);
    return can_read(extent) && request.end - request.begin <= limits_.max_registers &&
           widest_hole(extent) <= limits_.max_hole;
  }

 private:
  [[nodiscard]] Address widest_hole(Extent extent) const {
    Address widest = 0, reached = extent.begin;
    for (const Extent known : known_) {
      if (known.end <= reached) continue;
      if (known.begin >= extent.end) break;
      if (known.begin > reached) widest = std::max(widest, known.begin - reached);
      reached = known.end;
    }
    return reached < extent.end ? std::max(widest, extent.end - reached) : widest;
  }

  const ReadLimits& limits_;
  Address step_;
  std::vector<Extent> known_;
};

// Each function has addresses of its own.
using Spaces = std::map<std::uint8_t, Space>;

// What has to be in one request. The offsets of its slots are addresses until the request is made.
struct Item {
  std::uint8_t function = 3;
  Extent extent;
  bool alone = false;
  std::vector<ReadSlot> slots;
};

Extent extent_of(const ScaleRegister& scale) { return extent_of(scale.address, scale.width()); }

// The register and its `minus`.
Extent extent_of(const Register& reg) {
  const Extent value = extent_of(reg.address, reg.width());
  return reg.minus ? hull(value, extent_of(*reg.minus, reg.width())) : value;
}

Spaces spaces_of(std::span<const Register> registers, const ReadLimits& limits) {
  Spaces spaces;
  const auto space = [&](std::uint8_t function) -> Space& {
    return spaces.try_emplace(function, limits).first->second;
  };
  for (const Register& reg : registers) {
    Space& own = space(reg.function);
    if (!reg.alone) {
      own.add_known(extent_of(reg.address, reg.width()));
      if (reg.minus) own.add_known(extent_of(*reg.minus, reg.width()));
    }
    for (const ScaleRegister& scale : reg.scaled_by) space(scale.function).add_known(extent_of(scale));
  }
  for (auto& [function, known] : spaces) known.settle();
  return spaces;
}

// The items of the polls and, in `at_connect`, the scale registers that cannot be in theirs.
std::vector<Item> items_of(std::span<const Register> registers, const Spaces& spaces,
                           std::vector<Item>& at_connect) {
  using Role = ReadSlot::Role;
  std::vector<Item> items;
  for (std::size_t index = 0; index < registers.size(); ++index) {
    const Register& reg = registers[index];
    const Space& space = spaces.at(reg.function);
    Item item{reg.function, extent_of(reg), reg.alone, {{reg.address, index, Role::value, 0}}};
    if (reg.minus) item.slots.push_back({*reg.minus, index, Role::minus, 0});
    for (std::size_t i = 0; i < reg.scaled_by.size(); ++i) {
      const ScaleRegister& scale = reg.scaled_by[i];
      const ReadSlot slot{scale.address, index, Role::scale, static_cast<std::uint8_t>(i)};
      const Extent both = hull(item.extent, extent_of(scale));
      if (!reg.alone && scale.function == reg.function && space.allows(both)) {
        item.extent = both;
        item.slots.push_back(slot);
      } else {
        at_connect.push_back({scale.function, extent_of(scale), false, {slot}});
      }
    }
    items.push_back(std::move(item));
  }
  return items;
}

PlannedRead make_read(std::uint8_t function, Extent extent, std::vector<ReadSlot> slots) {
  PlannedRead read{static_cast<ReadFunction>(function), static_cast<std::uint16_t>(extent.begin),
                   static_cast<std::uint16_t>(extent.end - extent.begin), std::move(slots)};
  for (ReadSlot& slot : read.slots) slot.offset = static_cast<std::uint16_t>(slot.offset - read.address);
  std::ranges::stable_sort(read.slots, {}, &ReadSlot::offset);
  return read;
}

// The fewest requests. The item that begins lowest has to be in some request; that begins there, and as far
// as it may reach, it takes every item along: whatever another plan has in the request with this item is
// among them, and what is left over is then a part of what that plan has left over. (Without loss, since of
// what is allowed every part is allowed.)
std::vector<PlannedRead> join(std::vector<Item> items, const Spaces& spaces) {
  std::ranges::stable_sort(items, {},
                           [](const Item& item) { return std::tuple(item.function, item.extent.begin); });
  std::vector<bool> taken(items.size(), false);
  std::vector<PlannedRead> reads;
  for (std::size_t first = 0; first < items.size(); ++first) {
    const Item& lowest = items[first];
    const Space& space = spaces.at(lowest.function);
    if (taken[first] || !space.can_read(lowest.extent)) continue;
    Extent extent = lowest.extent;
    std::vector<ReadSlot> slots = lowest.slots;
    const bool open = !lowest.alone && space.allows(extent);
    for (std::size_t next = first + 1; open && next < items.size(); ++next) {
      const Item& item = items[next];
      if (item.function != lowest.function) break;
      const Extent both = hull(extent, item.extent);
      if (taken[next] || item.alone || (both != extent && !space.allows(both))) continue;
      taken[next] = true;
      extent = both;
      slots.insert(slots.end(), item.slots.begin(), item.slots.end());
    }
    reads.push_back(make_read(lowest.function, space.aligned(extent), std::move(slots)));
  }
  std::ranges::stable_sort(reads, {},
                           [](const PlannedRead& read) { return std::tuple(read.function, read.address); });
  return reads;
}

// Accounting takes energy from the counter first: the moment of its request is the set's.
void put_timed_first(std::vector<PlannedRead>& reads, std::span<const Register> registers) {
  for (const Quantity quantity : {Quantity::energy_import, Quantity::active_power}) {
    const auto timed = std::ranges::find_if(reads, [&](const PlannedRead& read) {
      return std::ranges::any_of(read.slots, [&](const ReadSlot& slot) {
        return slot.role == ReadSlot::Role::value &&
               registers[slot.register_index].channel == Channel{.quantity = quantity, .place = Place::whole};
      });
    });
    if (timed == reads.end()) continue;
    std::rotate(reads.begin(), timed, timed + 1);
    return;
  }
}

}  // namespace

ReadPlan plan_reads(std::span<const Register> registers, const ReadLimits& limits) {
  const Spaces spaces = spaces_of(registers, limits);
  std::vector<Item> at_connect;
  std::vector<Item> items = items_of(registers, spaces, at_connect);
  ReadPlan plan{join(std::move(items), spaces), join(std::move(at_connect), spaces)};
  put_timed_first(plan.reads, registers);
  return plan;
}

}  // namespace flopwatt::modbus
