// The truth as JSON, over an interval or at an instant.
#pragma once

#include <boost/json.hpp>
#include <vector>

#include "load.h"
#include "state.h"

namespace rack {

struct Selection {
  std::vector<std::size_t> meters;
  std::vector<std::size_t> gpus;
};

// Times in seconds since the start; they are given as Unix seconds, too.
boost::json::object truth_between(const Load& load, const RackState& state, const Selection& selection,
                                  double from, double until);
boost::json::object truth_at(const Load& load, const RackState& state, const Selection& selection, double at);

}  // namespace rack
