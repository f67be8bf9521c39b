#include "registers.h"

#include <bit>
#include <cmath>

namespace rack {
namespace {

constexpr double kJoulesPerWattHour = 3600;

double figure_of(const RawRegister& entry, const MeterFigures& figures) {
  if (const double* number = std::get_if<double>(&entry.value)) return *number;
  switch (std::get<RawFigure>(entry.value)) {
    case RawFigure::power_w:
      return figures.power_w;
    case RawFigure::energy_wh:
      return figures.energy_j / kJoulesPerWattHour;
    case RawFigure::energy_j:
      return figures.energy_j;
  }
  return 0;
}

void put(RegisterImage& image, const RawRegister& entry, const MeterFigures& figures) {
  const double raw = figure_of(entry, figures) / entry.scale;
  const unsigned words = static_cast<unsigned>(std::stoi(entry.type.substr(1)) / 16);
  std::uint64_t bits = 0;
  if (entry.type == "f32")
    bits = std::bit_cast<std::uint32_t>(static_cast<float>(raw));
  else if (entry.type == "f64")
    bits = std::bit_cast<std::uint64_t>(raw);
  else if (raw < 0)
    bits = std::bit_cast<std::uint64_t>(std::llround(raw));
  else
    // A counter that has not yet reached its next count shows the last one.
    bits = static_cast<std::uint64_t>(std::floor(raw + 1e-9));
  put_bits(image, entry.address, bits, words, entry.low_word_first);
}

}  // namespace

void put_bits(RegisterImage& image, unsigned address, std::uint64_t bits, unsigned words,
              bool low_word_first) {
  for (unsigned i = 0; i < words; ++i) {
    const unsigned place = low_word_first ? i : words - 1 - i;
    image[address + i] = static_cast<std::uint16_t>(bits >> (16 * place));
  }
}

void put_f32(RegisterImage& image, unsigned address, double value) {
  put_bits(image, address, std::bit_cast<std::uint32_t>(static_cast<float>(value)), 2, false);
}

MeterFigures figures_of(const Meter& meter, double t, double reset) {
  const double energy = reset <= t ? meter.power.integral(std::isfinite(reset) ? reset : 0, t) : 0;
  const double before = std::isfinite(reset) ? 0 : meter.energy_offset_j;
  return {meter.gain * meter.power.value(t), before + meter.gain * energy};
}

RegisterImage image_of(const Meter& meter, int function, const MeterFigures& figures) {
  if (meter.kind == MeterKind::sdm630)
    return function == 4 ? sdm630::input_registers(meter, figures) : sdm630::holding_registers(meter);
  RegisterImage image;
  if (function != meter.function) return image;
  for (const RawRegister& entry : meter.registers) put(image, entry, figures);
  return image;
}

}  // namespace rack
