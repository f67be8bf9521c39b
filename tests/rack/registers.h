// What a simulated meter's registers hold at a moment, from the truth.
#pragma once

#include <cstdint>
#include <limits>
#include <map>

#include "load.h"

namespace rack {

// Register address to value. What is absent is a hole.
using RegisterImage = std::map<unsigned, std::uint16_t>;

struct MeterFigures {
  double power_w = 0;
  double energy_j = 0;  // before it is counted in steps
};

// The moment for which a meter is asked, and those at which its energies ceased to be the truth.
struct MeterMoment {
  double t = 0;
  double reset = -std::numeric_limits<double>::infinity();  // they started at 0 again
  double stop = std::numeric_limits<double>::infinity();    // they stand still since
};

// As the meter last refreshed them.
MeterFigures figures_of(const Meter& meter, const MeterMoment& moment);
// An energy as the meter counts it: in whole steps.
double counted_j(const Meter& meter, double energy_j);
RegisterImage image_of(const Meter& meter, int function, const MeterFigures& figures);

namespace sdm630 {
RegisterImage input_registers(const Meter& meter, const MeterFigures& figures);
RegisterImage holding_registers(const Meter& meter);
}  // namespace sdm630

void put_f32(RegisterImage& image, unsigned address, double value);
void put_bits(RegisterImage& image, unsigned address, std::uint64_t bits, unsigned words,
              bool low_word_first);

}  // namespace rack
