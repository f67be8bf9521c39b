// The register map of Eastron's SDM630: float32, high word first, energies in kWh.
#include <cmath>
#include <limits>

#include "registers.h"

namespace rack::sdm630 {
namespace {

constexpr double kJoulesPerKilowattHour = 3.6e6;

// One phase carries its part of the power at the meter's power factor.
void put_phase(RegisterImage& image, unsigned phase, const Meter& meter, double power_w) {
  const double apparent = power_w / meter.power_factor;
  const double reactive = std::sqrt(std::max(0.0, apparent * apparent - power_w * power_w));
  put_f32(image, 0 + 2 * phase, meter.voltage);
  put_f32(image, 6 + 2 * phase, apparent / meter.voltage);
  put_f32(image, 12 + 2 * phase, power_w);
  put_f32(image, 18 + 2 * phase, apparent);
  put_f32(image, 24 + 2 * phase, reactive);
  put_f32(image, 30 + 2 * phase, meter.power_factor);
}

void put_totals(RegisterImage& image, const Meter& meter, double power_w) {
  const double apparent = power_w / meter.power_factor;
  const double current = apparent / meter.voltage;
  put_f32(image, 42, meter.voltage);
  put_f32(image, 46, current / 3);
  put_f32(image, 48, current);
  put_f32(image, 52, power_w);
  put_f32(image, 56, apparent);
  put_f32(image, 60, std::sqrt(std::max(0.0, apparent * apparent - power_w * power_w)));
  put_f32(image, 62, meter.power_factor);
  put_f32(image, 70, meter.frequency);
}

// Phase currents of equal angle: what does not cancel flows back through the neutral.
double neutral_current(const Meter& meter, double power_w) {
  const double total = power_w / meter.power_factor / meter.voltage;
  const double a = total * meter.phase_split[0];
  const double b = total * meter.phase_split[1];
  const double c = total * meter.phase_split[2];
  return std::sqrt(std::max(0.0, a * a + b * b + c * c - a * b - b * c - c * a));
}

void put_energies(RegisterImage& image, const Meter& meter, double energy_j) {
  const auto kwh = [&](double part) { return counted_j(meter, energy_j * part) / kJoulesPerKilowattHour; };
  const double tangent = std::sqrt(1 / (meter.power_factor * meter.power_factor) - 1);
  put_f32(image, 72, kwh(1));
  put_f32(image, 74, 0);
  put_f32(image, 76, kwh(tangent));
  put_f32(image, 78, 0);
  put_f32(image, 342, kwh(1));
  put_f32(image, 344, kwh(tangent));
  for (unsigned phase = 0; phase < 3; ++phase) {
    put_f32(image, 346 + 2 * phase, kwh(meter.phase_split[phase]));
    put_f32(image, 352 + 2 * phase, 0);
  }
}

}  // namespace

RegisterImage input_registers(const Meter& meter, const MeterFigures& figures) {
  RegisterImage image;
  for (unsigned phase = 0; phase < 3; ++phase)
    put_phase(image, phase, meter, figures.power_w * meter.phase_split[phase]);
  put_totals(image, meter, figures.power_w);
  put_f32(image, 224, neutral_current(meter, figures.power_w));
  put_energies(image, meter, figures.energy_j);
  return image;
}

RegisterImage holding_registers(const Meter& meter) {
  RegisterImage image;
  put_bits(image, 64512, meter.serial, 2, false);
  return image;
}

}  // namespace rack::sdm630
