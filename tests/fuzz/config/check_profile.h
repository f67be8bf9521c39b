// What a profile that was accepted promises to the rest of the program, and its read plan to the device.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "config/yaml/finding.h"
#include "drivers/modbus/registers/read_plan.h"

namespace flopwatt::fuzz {

inline void require(bool held) {
  if (!held) std::abort();
}

inline void check_findings(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    require(finding.line >= 1 && finding.column >= 1);
    require(!finding.file.empty() && !finding.message.empty());
    require(finding.text().find('\n') == std::string::npos);
  }
}

inline void check_register(const Register& reg) {
  require(reg.function == 3 || reg.function == 4);
  require(reg.scale != 0);
  require(find_row(SourceKind::meter, reg.channel) != nullptr);
  require(reg.address + reg.width() <= 65536);
  require(!reg.minus || *reg.minus + reg.width() <= 65536);
  require(reg.encoding == Encoding::plain || reg.wire == Wire::u32);
  require(reg.scaled_by.size() <= 4 && reg.unavailable.size() <= 8);
  for (const ScaleRegister& scale : reg.scaled_by) {
    require(scale.function == 3 || scale.function == 4);
    require(scale.address + scale.width() <= 65536);
    require(scale.scale != 0);
    const bool floating = scale.wire == Wire::f32 || scale.wire == Wire::f64;
    require(!floating || scale.use == ScaleRegister::Use::factor);
    require(scale.divisors.empty() == (scale.use != ScaleRegister::Use::divisors));
    for (const double divisor : scale.divisors) require(divisor != 0);
  }
}

// Reads of a plan and those at each connect.
inline void check_request(const modbus::PlannedRead& read, const ReadLimits& limits) {
  require(read.count >= 1 && read.count <= limits.max_registers && read.address + read.count <= 65536);
  require(!limits.even || (read.address % 2 == 0 && read.count % 2 == 0));
  require(read.address % limits.block == 0 && read.count % limits.block == 0);
  for (const AddressRange& range : limits.forbidden)
    require(range.first >= read.address + read.count || read.address > range.last);
}

// A number of one of the registers: where it is to stand, and how wide it is.
struct Wanted {
  std::uint16_t address = 0, width = 0;
};

inline Wanted wanted_by(const Register& reg, const modbus::ReadSlot& slot) {
  switch (slot.role) {
    case modbus::ReadSlot::Role::value:
      return {reg.address, reg.width()};
    case modbus::ReadSlot::Role::minus:
      return {reg.minus.value(), reg.width()};
    case modbus::ReadSlot::Role::scale:
      break;
  }
  const ScaleRegister& scale = reg.scaled_by.at(slot.scale_index);
  return {scale.address, scale.width()};
}

inline void check_profile(const MeterProfile& profile) {
  require(profile.sunspec || !profile.registers.empty());
  for (const Register& reg : profile.registers) check_register(reg);
  for (const UnreadRegister& reg : profile.unread) require(!reg.quantity.empty() && !reg.reason.empty());
  const modbus::ReadPlan plan = modbus::plan_reads(profile.registers, profile.limits);
  std::map<std::pair<std::size_t, modbus::ReadSlot::Role>, int> values;  // how often each is read
  std::map<std::pair<std::size_t, std::uint8_t>, int> scales;
  for (const auto* reads : {&plan.reads, &plan.at_connect}) {
    for (const modbus::PlannedRead& read : *reads) {
      check_request(read, profile.limits);
      for (const modbus::ReadSlot& slot : read.slots) {
        const Wanted wanted = wanted_by(profile.registers.at(slot.register_index), slot);
        require(slot.offset + wanted.width <= read.count);
        require(read.address + slot.offset == wanted.address);
        if (slot.role == modbus::ReadSlot::Role::scale) {
          ++scales[{slot.register_index, slot.scale_index}];
        } else {
          require(reads == &plan.reads);
          ++values[{slot.register_index, slot.role}];
        }
      }
    }
  }
  for (std::size_t i = 0; i < profile.registers.size(); ++i) {
    const Register& reg = profile.registers[i];
    require(values[{i, modbus::ReadSlot::Role::value}] == 1);
    require(values[{i, modbus::ReadSlot::Role::minus}] == (reg.minus ? 1 : 0));
    for (std::size_t scale = 0; scale < reg.scaled_by.size(); ++scale)
      require(scales[{i, static_cast<std::uint8_t>(scale)}] == 1);
  }
}

}  // namespace flopwatt::fuzz
