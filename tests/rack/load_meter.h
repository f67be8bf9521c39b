// Reads the meters of a load script.
#pragma once

#include "yaml_reader.h"

namespace rack {

Meter meter_of(const Entry& entry, const std::vector<Gpu>& gpus);

}  // namespace rack
