// The commands that `rack` takes on its standard input and `rack-control` on its command line.
#pragma once

#include <boost/json.hpp>

#include "faults.h"
#include "load.h"
#include "state.h"

namespace rack {

// meter …, gpu …, clear, status, truth …; throws std::invalid_argument for anything else.
boost::json::object execute(const Words& words, const Load& load, RackState& state);
Words words_of(const std::string& line);

}  // namespace rack
