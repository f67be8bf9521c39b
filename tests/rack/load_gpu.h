// Reads the GPUs of a load script.
#pragma once

#include "yaml_reader.h"

namespace rack {

Gpu gpu_of(const Entry& entry, TensorPrecision precision);

}  // namespace rack
