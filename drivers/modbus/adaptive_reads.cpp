#include "drivers/modbus/adaptive_reads.h"

#include <algorithm>
#include <utility>

#include "drivers/modbus/wire/exceptions.h"

namespace flopwatt::modbus {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

// One value that is not there is found in the longest request with 14 questions. A meter of which much is not
// there is learnt in several polls, so that the others on its line need not wait for it.
constexpr unsigned trials_in_a_round = 16;
// Refusals that explain why blocks were refused. A refusal that is not remembered costs one request more.
constexpr std::size_t remembered_refusals = 64;

constexpr unsigned repeats_of_busy = 3;

microseconds busy_pause(microseconds interval) { return std::clamp<microseconds>(interval / 8, 100ms, 1s); }
microseconds failure_pause(microseconds interval) { return std::min<microseconds>(interval / 2, 1s); }

unsigned rank_of(const Channel& channel) {
  if (channel.place != Place::whole) return 2;
  if (channel.quantity == Quantity::energy_import) return 0;
  return channel.quantity == Quantity::active_power ? 1 : 2;
}

bool touches(const Register& reg, AddressRange range) {
  return reg.address <= range.last && range.first < reg.address + reg.width();
}

}  // namespace

AdaptiveReads::AdaptiveReads(std::vector<Register> registers, const ReadLimits& limits, microseconds interval)
    : registers_(std::move(registers)), limits_(limits), interval_(interval) {
  plan_again();
}

AdaptiveReads::Read AdaptiveReads::make_read(PlannedRead planned, bool at_connect) const {
  Read read(std::move(planned), interval_);
  read.at_connect = at_connect;
  for (const ReadSlot& slot : read.planned.slots)
    if (!at_connect && slot.role == ReadSlot::Role::value)
      read.time_rank = std::min(read.time_rank, rank_of(registers_[slot.register_index].channel));
  return read;
}

// All registers but those that are set aside. What was learnt of at_connect is learnt again.
void AdaptiveReads::plan_again() {
  std::vector<bool> aside(registers_.size());
  std::vector<Read> kept;
  for (Read& read : reads_) {
    if (!read.set_aside || read.at_connect) continue;
    for (const ReadSlot& slot : read.planned.slots) aside[slot.register_index] = true;
    kept.push_back(std::move(read));
  }
  reads_ = std::move(kept);  // learnt_limits() looks at them
  const ReadLimits limits = learnt_limits(aside);

  std::vector<std::size_t> indexes;
  std::vector<Register> registers;
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    if (aside[i]) continue;
    indexes.push_back(i);
    registers.push_back(registers_[i]);
  }
  ReadPlan plan = plan_reads(registers, limits);
  std::vector<Read> reads;
  for (auto* part : {&plan.reads, &plan.at_connect})
    for (PlannedRead& planned : *part) {
      for (ReadSlot& slot : planned.slots) slot.register_index = indexes[slot.register_index];
      reads.push_back(make_read(std::move(planned), part == &plan.at_connect));
    }
  std::ranges::move(reads_, std::back_inserter(reads));
  reads_ = std::move(reads);
  plan_is_old_ = false;
}

// A refusal of a request that holds something set aside is explained by that.
ReadLimits AdaptiveReads::learnt_limits(const std::vector<bool>& aside) const {
  ReadLimits limits = limits_;
  const auto is_explained = [this](const Refusal& refusal) {
    return std::ranges::any_of(reads_, [&](const Read& read) {
      return read.planned.function == refusal.function && read.planned.address >= refusal.address &&
             read.planned.address + read.planned.count <= refusal.address + refusal.count;
    });
  };
  for (const Refusal& refusal : refusals_) {
    if (largest_answered_ == 0 || is_explained(refusal)) continue;
    if (refusal.count > largest_answered_)
      limits.max_registers = std::min(limits.max_registers, largest_answered_);
    else
      limits.max_hole = 0;
  }
  if (limits.max_hole == 0) return limits;
  // A register that is set aside is not read over, either.
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    if (!aside[i]) continue;
    const auto last = static_cast<std::uint16_t>(registers_[i].address + registers_[i].width() - 1);
    const AddressRange range{registers_[i].address, last};
    bool is_needed = false;
    for (std::size_t j = 0; j < registers_.size(); ++j)
      is_needed |=
          !aside[j] && registers_[j].function == registers_[i].function && touches(registers_[j], range);
    if (!is_needed) limits.forbidden.push_back(range);
  }
  return limits;
}

void AdaptiveReads::begin_round(SteadyTime now, bool all) {
  if (plan_is_old_) plan_again();
  trials_left_ = trials_in_a_round;
  const auto rests = [&](const Read& read) {
    return !all && read.backoff.failing() && now < read.backoff.retry_at();
  };
  Read* first = nullptr;  // of those that are asked in each round
  bool any = false;       // of them is asked in this one
  for (Read& read : reads_) {
    read.repeats = 0;
    read.not_before = {};
    if (read.set_aside)
      read.ended = rests(read) ||
                   (now < read.retest_at && !(read.retest_wanted && now >= read.set_aside_at + read.spacing));
    else if (!read.at_connect || !read.ended || !read.fault.empty())
      read.ended = rests(read);
    if (read.set_aside || read.at_connect) continue;
    if (first == nullptr) first = &read;
    any |= !read.ended;
  }
  if (any || reads_.empty()) return;
  (first == nullptr ? reads_.front() : *first).ended = false;
}

void AdaptiveReads::connected(SteadyTime now) {
  for (Read& read : reads_) {
    if (read.set_aside) {
      read.retest_wanted = true;
      if (now >= read.set_aside_at + read.spacing) read.ended = false;
    } else if (read.at_connect) {
      read.ended = false;
    }
  }
}

bool AdaptiveReads::asks(const Read& read) const {
  return !read.ended && (!read.on_trial || trials_left_ > 0);
}

std::optional<std::size_t> AdaptiveReads::next(SteadyTime now) const {
  for (std::size_t i = 0; i < reads_.size(); ++i)
    if (asks(reads_[i]) && reads_[i].not_before <= now) return i;
  return std::nullopt;
}

std::optional<SteadyTime> AdaptiveReads::next_at() const {
  std::optional<SteadyTime> first;
  for (const Read& read : reads_)
    if (asks(read) && (!first || read.not_before < *first)) first = read.not_before;
  return first;
}

void AdaptiveReads::answered(std::size_t index) {
  Read& read = reads_.at(index);
  if (read.on_trial) --trials_left_;
  read.on_trial = false;
  read.ended = true;
  read.fault.clear();
  read.backoff.succeed();
  largest_answered_ = std::max(largest_answered_, read.planned.count);
  if (!std::exchange(read.set_aside, false)) return;
  // The meter has changed: the others may be there again, too, and what was learnt may not hold.
  plan_is_old_ = true;
  refusals_.clear();
  for (Read& other : reads_)
    if (other.set_aside) other.ended = false;
}

bool AdaptiveReads::failed(std::size_t index, const Fault& fault, const std::string& reason, SteadyTime now,
                           SteadyTime round_end, double chance) {
  Read& read = reads_.at(index);
  if (read.on_trial) --trials_left_;
  read.fault = reason;
  const Consequences* refusal = consequences_of(fault);
  switch (refusal != nullptr ? refusal->request : RequestStep::later) {
    case RequestStep::leave_out:
      return set_aside(read, now);
    case RequestStep::split:
      return split(index, now);
    case RequestStep::wait:
      if (repeat(read, repeats_of_busy, busy_pause(interval_), now, round_end)) return false;
      break;
    case RequestStep::repeat:
      if (repeat(read, 1, failure_pause(interval_), now, round_end)) return false;
      break;
    case RequestStep::later:
      break;
  }
  read.ended = true;
  // Where there is no connection the request is not to blame.
  if (fault.fault_class != FaultClass::connection) read.backoff.fail(now, chance);
  return false;
}

bool AdaptiveReads::repeat(Read& read, unsigned times, microseconds pause, SteadyTime now,
                           SteadyTime round_end) {
  if (read.repeats >= times || now + pause >= round_end) return false;
  ++read.repeats;
  read.not_before = now + pause;
  return true;
}

void AdaptiveReads::end_round(const std::string& reason) {
  for (Read& read : reads_) {
    if (!asks(read)) continue;
    read.ended = true;
    if (!read.on_trial) read.fault = reason;
  }
}

// True where it was not set aside before.
bool AdaptiveReads::set_aside(Read& read, SteadyTime now) {
  read.ended = read.on_trial = true;
  read.retest_wanted = false;
  read.set_aside_at = now;
  read.retest_at = now + retest_after;
  read.spacing = std::clamp<microseconds>(2 * read.spacing, 1s, retest_after);
  if (std::exchange(read.set_aside, true)) return false;
  plan_is_old_ |= !read.at_connect;
  return true;
}

// The parts take the place of what was refused; what cannot be split is set aside.
bool AdaptiveReads::split(std::size_t index, SteadyTime now) {
  Read& read = reads_[index];
  std::vector<Group> groups = groups_of(read);
  if (read.set_aside || groups.size() < 2) return set_aside(read, now);
  // The first part has what ends in the first half, at least one value.
  const int middle = (groups.front().begin + groups.back().end) / 2;
  std::size_t cut = 1;
  while (cut + 1 < groups.size() && groups[cut].end <= middle) ++cut;
  ReadPlan parts = plan_part(read, std::span(groups).first(cut));
  ReadPlan rest = plan_part(read, std::span(groups).subspan(cut));
  std::ranges::move(rest.reads, std::back_inserter(parts.reads));
  std::ranges::move(rest.at_connect, std::back_inserter(parts.at_connect));
  const PlannedRead& whole = read.planned;
  const auto is_the_same = [&](const PlannedRead& part) {
    return part.address == whole.address && part.count == whole.count;
  };
  // A `block` of the limits makes every part as large as the whole.
  if (std::ranges::all_of(parts.reads, is_the_same)) return set_aside(read, now);

  if (!read.at_connect && refusals_.size() < remembered_refusals)
    refusals_.push_back({whole.function, whole.address, whole.count});
  std::vector<Read> reads;
  for (PlannedRead& part : parts.reads) {
    reads.push_back(make_read(std::move(part), read.at_connect));
    reads.back().on_trial = true;
    reads.back().fault = read.fault;
  }
  const auto place = reads_.erase(reads_.begin() + static_cast<std::ptrdiff_t>(index));
  reads_.insert(place, std::make_move_iterator(reads.begin()), std::make_move_iterator(reads.end()));
  // What was between a value and its scale register is in the other part: they cannot be one request now.
  for (PlannedRead& part : parts.at_connect) reads_.push_back(make_read(std::move(part), true));
  return false;
}

std::uint16_t AdaptiveReads::width_of(const ReadSlot& slot) const {
  const Register& reg = registers_[slot.register_index];
  return slot.role == ReadSlot::Role::scale ? reg.scaled_by[slot.scale_index].width() : reg.width();
}

// By address. A value, its `minus` and its scale registers are one; a request of scale registers alone may be
// cut between any two.
std::vector<AdaptiveReads::Group> AdaptiveReads::groups_of(const Read& read) const {
  std::vector<Group> groups;
  for (const ReadSlot& slot : read.planned.slots) {
    const auto belongs = [&](const Group& group) {
      return read.at_connect ? group.begin == slot.offset
                             : group.slots.front().register_index == slot.register_index;
    };
    const auto end = static_cast<std::uint16_t>(slot.offset + width_of(slot));
    const auto group = std::ranges::find_if(groups, belongs);
    if (group == groups.end()) {
      groups.push_back({slot.offset, end, {slot}});
    } else {
      group->end = std::max(group->end, end);
      group->slots.push_back(slot);
    }
  }
  std::ranges::stable_sort(groups, {}, &Group::begin);
  return groups;
}

// As the limits of the meter want it: a part is aligned like the whole.
ReadPlan AdaptiveReads::plan_part(const Read& read, std::span<const Group> groups) const {
  std::vector<Register> registers;
  for (const Group& group : groups) {
    const ReadSlot& slot = group.slots.front();
    if (!read.at_connect) {
      registers.push_back(registers_[slot.register_index]);
      continue;
    }
    Register& reg = registers.emplace_back();  // as wide as the widest that is there
    reg.address = static_cast<std::uint16_t>(read.planned.address + group.begin);
    reg.function = static_cast<std::uint8_t>(read.planned.function);
    const int width = group.end - group.begin;
    reg.wire = width > 2 ? Wire::u64 : width == 2 ? Wire::u32 : Wire::u16;
  }
  ReadPlan plan = plan_reads(registers, limits_);
  for (auto* list : {&plan.reads, &plan.at_connect})
    for (PlannedRead& part : *list) part.slots = slots_of(part, read.at_connect, groups);
  return plan;
}

// The slots of a part as slots of the meter.
std::vector<ReadSlot> AdaptiveReads::slots_of(const PlannedRead& part, bool at_connect,
                                              std::span<const Group> groups) {
  std::vector<ReadSlot> slots;
  for (const ReadSlot& planned : part.slots) {
    const Group& group = groups[planned.register_index];
    if (!at_connect) {
      slots.push_back(planned);
      slots.back().register_index = group.slots.front().register_index;
      continue;
    }
    for (ReadSlot slot : group.slots) {
      slot.offset = planned.offset;
      slots.push_back(slot);
    }
  }
  return slots;
}

}  // namespace flopwatt::modbus
