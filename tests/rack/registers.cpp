#include "registers.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace rack {
namespace {

constexpr double kJoulesPerWattHour = 3600;

double figure_of(const RawRegister& entry, const Meter& meter, const MeterFigures& figures) {
  if (const double* number = std::get_if<double>(&entry.value)) return *number;
  switch (std::get<RawFigure>(entry.value)) {
    case RawFigure::power_w:
      return figures.power_w;
    case RawFigure::energy_wh:
      return counted_j(meter, figures.energy_j) / kJoulesPerWattHour;
    case RawFigure::energy_j:
      return counted_j(meter, figures.energy_j);
  }
  return 0;
}

void put(RegisterImage& image, const RawRegister& entry, const Meter& meter, const MeterFigures& figures) {
  const double raw = figure_of(entry, meter, figures) / entry.scale;
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

double last_refresh(const Meter& meter, double t) {
  if (meter.refresh_s == 0) return t;
  const double beats = std::floor((t - meter.refresh_phase_s) / meter.refresh_s);
  return meter.refresh_phase_s + beats * meter.refresh_s;
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

MeterFigures figures_of(const Meter& meter, const MeterMoment& moment) {
  const double measured = meter.is_power_live ? moment.t : last_refresh(meter, moment.t);
  const double counted = last_refresh(meter, std::min(moment.t, moment.stop));
  const bool is_reset = std::isfinite(moment.reset);
  const double energy =
      moment.reset <= counted ? meter.power.integral(is_reset ? moment.reset : 0, counted) : 0;
  return {meter.gain * meter.power.mean(measured - meter.mean_s, measured),
          (is_reset ? 0 : meter.energy_offset_j) + meter.gain * energy};
}

double counted_j(const Meter& meter, double energy_j) {
  if (meter.step_wh == 0) return energy_j;
  const double step_j = meter.step_wh * kJoulesPerWattHour;
  return std::floor(energy_j / step_j + 1e-9) * step_j;
}

RegisterImage image_of(const Meter& meter, int function, const MeterFigures& figures) {
  if (meter.kind == MeterKind::sdm630)
    return function == 4 ? sdm630::input_registers(meter, figures) : sdm630::holding_registers(meter);
  RegisterImage image;
  if (function != meter.function) return image;
  for (const RawRegister& entry : meter.registers) put(image, entry, meter, figures);
  return image;
}

}  // namespace rack
