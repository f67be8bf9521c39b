// What `flopwatt read` tells of the scopes of a running agent: power, rate of work, joules per FLOP with
// uncertainty and method, or why there are none and when they are due.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace flopwatt::commands {

struct WindowReport {
  std::string text;  ///< "1m"
  std::optional<double> flop_per_second, joules_per_flop, uncertainty;
  std::string method;           ///< "" where none tells the work
  std::string missing;          ///< why there is no joules_per_flop, in words; "" where there is
  std::optional<double> due_s;  ///< until it is there, if nothing else goes missing
};

struct ScopeReport {
  std::string name;
  std::optional<double> power_w;
  std::vector<WindowReport> windows;
};

/// `scopes`: of the answer of /api/v1/status. `config`: of the same node.
[[nodiscard]] std::vector<ScopeReport> scopes_of(const boost::json::object& scopes, const Config& config);

/// {"<scope>":{"power_w":…,"windows":{"1m":{"flop_per_second":…,"joules_per_flop":…,"uncertainty":…,"method":…,
/// "missing":{"joules_per_flop":"<reason>"},"due_s":…}}}}, each key where it is known.
[[nodiscard]] boost::json::object scopes_json(const std::vector<ScopeReport>& scopes);

/// A line for each window, without its line end.
[[nodiscard]] std::string window_text(const WindowReport& window);

}  // namespace flopwatt::commands
