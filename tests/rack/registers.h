// What a simulated meter's registers hold at a moment, from the truth.
#pragma once

#include <cstdint>
#include <map>

#include "load.h"

namespace rack {

// Register address to value. What is absent is a hole.
using RegisterImage = std::map<unsigned, std::uint16_t>;

struct MeterFigures {
  double power_w = 0;
  double energy_j = 0;
};

// `reset` is when the energy register started at 0 again, negative infinity where it never did.
MeterFigures figures_of(const Meter& meter, double t, double reset);
RegisterImage image_of(const Meter& meter, int function, const MeterFigures& figures);

namespace sdm630 {
RegisterImage input_registers(const Meter& meter, const MeterFigures& figures);
RegisterImage holding_registers(const Meter& meter);
}  // namespace sdm630

void put_f32(RegisterImage& image, unsigned address, double value);
void put_bits(RegisterImage& image, unsigned address, std::uint64_t bits, unsigned words,
              bool low_word_first);

}  // namespace rack
