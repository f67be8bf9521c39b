#include "drivers/modbus/registers/meter_values.h"

#include <utility>

#include "drivers/modbus/registers/decode.h"
#include "readings/plausible.h"
#include "readings/reading_set.h"

namespace flopwatt::modbus {

MeterValues::MeterValues(std::vector<Register> registers)
    : registers_(std::move(registers)), raw_(registers_.size()), described_(registers_.size(), 1) {
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    raw_[i].factors.fill(absent);
    if (!registers_[i].scaled_by.empty()) scaled_.push_back(i);
  }
  begin();
}

void MeterValues::begin() {
  for (Raw& raw : raw_) raw.value = raw.minus = absent;
}

void MeterValues::forget_factors(std::span<const ReadSlot> slots) {
  for (const ReadSlot& slot : slots)
    if (slot.role == ReadSlot::Role::scale) raw_[slot.register_index].factors.at(slot.scale_index) = absent;
}

void MeterValues::take(std::span<const ReadSlot> slots, std::span<const std::uint8_t> answer) {
  for (const ReadSlot& slot : slots) {
    const Register& reg = registers_[slot.register_index];
    Raw& raw = raw_[slot.register_index];
    const auto bytes = answer.subspan(std::size_t{2} * slot.offset);
    switch (slot.role) {
      case ReadSlot::Role::value:
        raw.value = decode_raw(bytes.first(std::size_t{2} * reg.width()), reg);
        break;
      case ReadSlot::Role::minus:
        raw.minus = decode_raw(bytes.first(std::size_t{2} * reg.width()), reg);
        break;
      case ReadSlot::Role::scale: {
        const ScaleRegister& scale = reg.scaled_by[slot.scale_index];
        raw.factors.at(slot.scale_index) = decode_factor(bytes.first(std::size_t{2} * scale.width()), scale);
        break;
      }
    }
  }
}

double MeterValues::factor(std::size_t index) const {
  double product = 1;
  for (std::size_t i = 0; i < registers_[index].scaled_by.size(); ++i) product *= raw_[index].factors.at(i);
  return product;
}

bool MeterValues::factors_changed() {
  bool changed = false;
  for (const std::size_t index : scaled_) {
    const double now = factor(index);
    if (!is_known(now) || now == described_[index]) continue;
    described_[index] = now;
    changed = true;
  }
  return changed;
}

std::vector<Field> MeterValues::fields() const {
  std::vector<Field> fields;
  for (std::size_t i = 0; i < registers_.size(); ++i)
    fields.push_back(field_of(registers_[i], described_[i]));
  return fields;
}

void MeterValues::write(std::vector<double>& values) const {
  for (std::size_t i = 0; i < registers_.size(); ++i) {
    const double value = told(i);
    values[i] = is_plausible(registers_[i].channel.quantity, value) ? value : absent;
  }
}

double MeterValues::told(std::size_t register_index) const {
  const Register& reg = registers_[register_index];
  const Raw& read = raw_[register_index];
  const double raw = reg.minus ? read.value - read.minus : read.value;  // absent spreads
  return is_known(raw) ? value_of(raw, reg, factor(register_index)) : absent;
}

bool MeterValues::lacks_factor(std::size_t register_index) const {
  return is_known(raw_[register_index].value) && !is_known(factor(register_index));
}

}  // namespace flopwatt::modbus
