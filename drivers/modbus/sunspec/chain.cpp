#include "drivers/modbus/sunspec/chain.h"

#include <algorithm>
#include <array>
#include <utility>

#include "drivers/modbus/registers/decode.h"

namespace flopwatt::modbus {
namespace {

// Where a device may have its marker "SunS", and how it may be asked: function 3 is the rule.
struct Attempt {
  ReadFunction function;
  std::uint16_t base;
};
constexpr std::array attempts = {
    Attempt{ReadFunction::holding_registers, 40000}, Attempt{ReadFunction::holding_registers, 50000},
    Attempt{ReadFunction::holding_registers, 0},     Attempt{ReadFunction::input_registers, 40000},
    Attempt{ReadFunction::input_registers, 50000},   Attempt{ReadFunction::input_registers, 0}};

constexpr std::array<std::uint16_t, 2> marker = {0x5375, 0x6E53};
constexpr std::uint16_t header_registers = 2;   // the ID and the length L of a model
constexpr std::uint16_t common_registers = 64;  // manufacturer to serial number; the rest is of no use
constexpr std::uint16_t end_id = 0xFFFF;
constexpr std::uint16_t no_id = 0;  // some devices end the chain with it
constexpr std::uint32_t last_header_address = 65533;
constexpr std::uint32_t address_space = 65536;

std::uint16_t word_at(std::span<const std::uint8_t> registers, std::size_t index) {
  return big_endian_u16(registers.subspan(2 * index).first<2>());
}

// Offsets of model_1.json, less the header.
SunSpecCommon decode_common(std::span<const std::uint8_t> registers) {
  const auto text = [&](std::size_t first, std::size_t count) {
    return text_of_registers(registers.subspan(2 * first, 2 * count));
  };
  return {text(0, 16), text(16, 16), text(32, 8), text(40, 8), text(48, 16)};
}

}  // namespace

std::optional<SunSpecMeterKind> SunSpecModel::meter_kind() const {
  constexpr std::array phases = {1, 2, 3, 3};  // single, split, wye, delta
  constexpr std::uint16_t first_integer = 201, integer_length = 105, first_float = 211, float_length = 124;
  const auto kind = [&](bool integer, std::uint16_t first,
                        std::uint16_t needed) -> std::optional<SunSpecMeterKind> {
    const bool whole =
        length >= needed && std::uint32_t{address} + header_registers + needed <= address_space;
    if (id < first || id >= first + phases.size() || !whole) return std::nullopt;
    return SunSpecMeterKind{integer, phases.at(id - std::size_t{first})};
  };
  const auto integer = kind(true, first_integer, integer_length);
  return integer ? integer : kind(false, first_float, float_length);
}

std::optional<ReadRequest> SunSpecWalk::next() const {
  const Attempt& attempt = attempts.at(std::min(attempt_, attempts.size() - 1));
  const auto ask = [&](std::uint32_t address, std::uint16_t count) {
    return ReadRequest{unit_, attempt.function, static_cast<std::uint16_t>(address), count};
  };
  switch (step_) {
    case Step::marker:
      return ask(attempt.base, marker.size());
    case Step::header:
      return ask(address_, header_registers);
    case Step::common:
      return ask(address_ + header_registers, common_registers);
    case Step::ended:
      break;
  }
  return std::nullopt;
}

void SunSpecWalk::answered(std::span<const std::uint8_t> registers) {
  heard_ = true;
  switch (step_) {
    case Step::marker:
      if (word_at(registers, 0) != marker[0] || word_at(registers, 1) != marker[1]) return try_next_base();
      found_ = {};
      found_.base = attempts.at(attempt_).base;
      found_.function = attempts.at(attempt_).function;
      address_ = found_.base + std::uint32_t{marker.size()};
      step_ = Step::header;
      return;
    case Step::header:
      return take_header(word_at(registers, 0), word_at(registers, 1));
    case Step::common:
      take_common(decode_common(registers));
      return step_on();
    case Step::ended:
      return;
  }
}

void SunSpecWalk::refused() {
  heard_ = true;
  switch (step_) {
    case Step::marker:
      return try_next_base();
    case Step::header:
      return end_chain();
    case Step::common:  // its identity stays unknown
      take_common({});
      return step_on();
    case Step::ended:
      return;
  }
}

bool SunSpecWalk::unanswered() {
  const bool nothing_there = step_ == Step::marker ? heard_ : step_ == Step::header && identified_;
  if (nothing_there) refused();
  return nothing_there;
}

void SunSpecWalk::try_next_base() {
  identified_ = false;
  step_ = ++attempt_ < attempts.size() ? Step::marker : Step::ended;
}

void SunSpecWalk::take_header(std::uint16_t id, std::uint16_t length) {
  if (id == end_id || id == no_id) return end_chain();
  found_.models.push_back({id, static_cast<std::uint16_t>(address_), length});
  if (id != sunspec_common_id) return step_on();
  step_ = Step::common;
  const bool whole =
      length >= common_registers && address_ + header_registers + common_registers <= address_space;
  if (whole) return;
  take_common({});
  step_on();
}

void SunSpecWalk::take_common(SunSpecCommon common) {
  if (identified_) return found_.parts.push_back(std::move(common));
  identified_ = true;
  found_.manufacturer = std::move(common.manufacturer);
  found_.model = std::move(common.model);
  found_.options = std::move(common.options);
  found_.version = std::move(common.version);
  found_.serial = std::move(common.serial);
}

void SunSpecWalk::step_on() {
  address_ += header_registers + std::uint32_t{found_.models.back().length};
  if (found_.models.size() == max_sunspec_models || address_ > last_header_address) return end_chain();
  step_ = Step::header;
}

void SunSpecWalk::end_chain() {
  if (!identified_) return try_next_base();
  device_ = std::move(found_);
  step_ = Step::ended;
}

}  // namespace flopwatt::modbus
