// The language of the fault switches: `meter pdu-a late 1500`, `gpu all hang off`.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "load.h"
#include "state.h"

namespace rack {

using Words = std::vector<std::string>;

// Throws std::invalid_argument, with what would have been right, when the words name nothing it knows.
void switch_meter(const Words& words, const Load& load, RackState& state);
void switch_gpu(const Words& words, const Load& load, RackState& state);
void clear_faults(RackState& state);
// What is switched on, by meter and GPU.
boost::json::object active_faults(const Load& load, const RackState& state);

}  // namespace rack
