// A hostile device with a chain of SunSpec models: the walk along it, the profiles that are made of it, their
// plans under any limits, and what is decoded of any answer. The input is a script: which way the device
// answers each request, and with what.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "drivers/modbus/registers/decode.h"
#include "drivers/modbus/registers/read_plan.h"
#include "drivers/modbus/sunspec/chain.h"
#include "drivers/modbus/sunspec/profile.h"
#include "readings/reading_set.h"
#include "script.h"

namespace {

using namespace flopwatt;
using namespace flopwatt::modbus;
using fuzz::require;
using fuzz::Script;
using Role = ReadSlot::Role;

std::uint16_t word(Script& script) {
  const auto high = static_cast<std::uint16_t>(script.next() << 8);
  return static_cast<std::uint16_t>(high | script.next());
}

std::vector<std::uint8_t> bytes_of(std::initializer_list<std::uint16_t> words) {
  std::vector<std::uint8_t> bytes;
  for (const std::uint16_t value : words) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
  }
  return bytes;
}

// As many as were asked for; where the script ends, the last byte goes on.
std::vector<std::uint8_t> any_answer(Script& script, std::uint16_t count) {
  std::vector<std::uint8_t> bytes = script.take(std::size_t{2} * count);
  bytes.resize(std::size_t{2} * count, bytes.empty() ? std::uint8_t{0} : bytes.back());
  return bytes;
}

std::vector<std::uint8_t> good_header(Script& script) {
  constexpr std::array<std::uint16_t, 12> ids = {1, 201, 202, 203, 204, 211, 212, 213, 214, 103, 0, 0xFFFF};
  const std::uint16_t id = ids[script.next() % ids.size()];
  const std::uint16_t length = id == 1 ? 66 : (id >= 211 && id <= 214) ? 124 : 105;
  const std::uint8_t more = script.next() % 8;
  return bytes_of({id, static_cast<std::uint16_t>(length + (more < 4 ? 0 : more - 5))});
}

std::optional<SunSpecDevice> walk(Script& script) {
  SunSpecWalk walk(1);
  for (std::size_t requests = 0; const auto request = walk.next(); ++requests) {
    require(requests < 6 * (1 + 2 * max_sunspec_models));
    require(request->count >= 1 && request->count <= max_registers_per_request);
    require(std::uint32_t{request->address} + request->count <= 65536);
    switch (script.next() % 8) {
      case 0:
        walk.refused();
        break;
      case 1:
        if (!walk.unanswered()) return std::nullopt;
        break;
      case 2:
        walk.answered(any_answer(script, request->count));
        break;
      default:
        if (request->count > 2)
          walk.answered(any_answer(script, request->count));
        else if (request->address == 40000 || request->address == 50000 || request->address == 0)
          walk.answered(bytes_of({0x5375, 0x6E53}));
        else
          walk.answered(good_header(script));
    }
  }
  return walk.device();
}

void check_chain(const SunSpecDevice& device) {
  require(!device.models.empty() && device.models.size() <= max_sunspec_models);
  require(device.parts.size() < device.models.size());
  std::uint32_t next = std::uint32_t{device.base} + 2;
  for (const SunSpecModel& model : device.models) {
    require(model.address == next);
    next += 2U + model.length;
  }
  for (const std::string* text :
       {&device.manufacturer, &device.model, &device.options, &device.version, &device.serial}) {
    require(text->size() <= 32);
    require(std::all_of(text->begin(), text->end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

// Rules that SunSpec itself does not need: what any profile may say.
void change(MeterProfile& profile, Script& script) {
  for (std::size_t changes = script.next() % 8; changes > 0; --changes) {
    Register& reg = profile.registers[script.next() % profile.registers.size()];
    switch (script.next() % 7) {
      case 0:
        reg.minus = word(script);
        break;
      case 1:
        reg.alone = true;
        break;
      case 2:
        reg.address = word(script);
        break;
      case 3:
        reg.wire = Wire::u32;
        reg.encoding = Encoding::modulo_10000;
        break;
      case 4:
        if (reg.scaled_by.empty()) reg.scaled_by.emplace_back();
        reg.scaled_by.back().use = ScaleRegister::Use::divisors;
        reg.scaled_by.back().divisors = {10, 1000};
        break;
      case 5:
        reg.scaled_by.resize(1 + script.next() % 4);
        reg.scaled_by.back().address = word(script);
        reg.scaled_by.back().function = 3 + script.next() % 2;
        reg.scaled_by.back().wire = Wire::f32;
        reg.scaled_by.back().use = ScaleRegister::Use::factor;
        break;
      default:
        reg.unavailable.push_back(script.next());
    }
  }
}

ReadLimits any_limits(Script& script, ReadLimits limits) {
  if (script.next() % 2 == 0) return limits;
  limits.max_registers = 1 + script.next() % 125;
  limits.max_hole = script.next();
  limits.even = script.next() % 2 == 0;
  limits.block = 1 + script.next() % 20;
  if (script.next() % 4 != 0) return limits;
  const std::uint16_t first = word(script);
  limits.forbidden = {{first, static_cast<std::uint16_t>(std::min(65535, first + script.next()))}};
  return limits;
}

void check_read(const PlannedRead& read, const MeterProfile& profile, const ReadLimits& limits) {
  require(read.count >= 1 && read.count <= max_registers_per_request && !read.slots.empty());
  require(std::uint32_t{read.address} + read.count <= 65536);
  require(read.address % limits.block == 0 && read.count % limits.block == 0);
  for (const AddressRange& range : limits.forbidden)
    require(range.last < read.address || range.first >= std::uint32_t{read.address} + read.count);
  for (const ReadSlot& slot : read.slots) {
    const Register& reg = profile.registers.at(slot.register_index);
    const bool scale = slot.role == Role::scale;
    const std::uint16_t width = scale ? reg.scaled_by.at(slot.scale_index).width() : reg.width();
    require(slot.offset + width <= read.count);
    require(static_cast<std::uint8_t>(read.function) ==
            (scale ? reg.scaled_by.at(slot.scale_index).function : reg.function));
  }
}

// What one answer tells of the registers in it.
void decode(const PlannedRead& read, const MeterProfile& profile, Script& script) {
  const std::vector<std::uint8_t> answer = any_answer(script, read.count);
  const auto part = [&](const ReadSlot& slot, std::uint16_t width) {
    return std::span(answer).subspan(std::size_t{2} * slot.offset, std::size_t{2} * width);
  };
  std::vector<double> factors(profile.registers.size(), 1);
  for (const ReadSlot& slot : read.slots) {
    if (slot.role != Role::scale) continue;
    const ScaleRegister& scale = profile.registers[slot.register_index].scaled_by[slot.scale_index];
    const double factor = decode_factor(part(slot, scale.width()), scale);
    require(!is_known(factor) || (std::isfinite(factor) && factor != 0));
    factors[slot.register_index] *= factor;
  }
  for (const ReadSlot& slot : read.slots) {
    if (slot.role == Role::scale) continue;
    const Register& reg = profile.registers[slot.register_index];
    const double raw = decode_raw(part(slot, reg.width()), reg);
    const double value = value_of(raw, reg, factors[slot.register_index]);
    require(!is_known(value) || (is_known(raw) && std::isfinite(value)));
    const Field field = field_of(reg, factors[slot.register_index]);
    require(!is_known(value) || reg.percent_above_one || held_value(raw, field.scale) == value);
  }
}

void check_profile(MeterProfile profile, Script& script) {
  require(!profile.registers.empty());
  const ReadPlan own = plan_reads(profile.registers, profile.limits);
  require(own.reads.size() == 1 && own.at_connect.empty());
  change(profile, script);
  const ReadLimits limits = any_limits(script, profile.limits);
  const ReadPlan plan = plan_reads(profile.registers, limits);
  for (const auto* reads : {&plan.reads, &plan.at_connect}) {
    for (const PlannedRead& read : *reads) {
      check_read(read, profile, limits);
      decode(read, profile, script);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script({data, size});
  const auto device = walk(script);
  if (!device) return 0;
  check_chain(*device);
  constexpr std::size_t planned = 2;  // more would only be slower
  std::size_t number = 1;
  while (const auto profile = sunspec_profile(*device, number)) {
    require(sunspec_common(*device, number).has_value());
    if (number <= planned) check_profile(*profile, script);
    ++number;
  }
  const auto meters = std::count_if(device->models.begin(), device->models.end(),
                                    [](const SunSpecModel& model) { return model.is_meter(); });
  require(number == static_cast<std::size_t>(meters) + 1);
  return 0;
}
