// A running agent of the same node: it owns the lines that it polls, so what it has read is shown instead of
// reading them once more.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/commands/read/agent_access.h"
#include "agent/commands/read/report.h"
#include "config/config.h"
#include "drivers/accelerators/vendor.h"
#include "runtime/async.h"

namespace flopwatt::commands {

/// What it told at /api/v1/status.
struct RunningAgent {
  std::string where;                                                 ///< "127.0.0.1:10150"
  boost::json::object sources{};                                     ///< by name
  std::map<std::string, std::vector<std::string>> contradictions{};  ///< by source: of any scope
  std::string time;                                                  ///< when it told it
  boost::json::object scopes{};                                      ///< by name
};

/// Asks at the addresses that `config` lets its agent listen on, for at most 2 s each. nullopt: nobody
/// answers there. An answer of something else, or of another node, is told in `notes` and not used. Looks
/// names up, blocking: for the start of a command.
awaitable<std::optional<RunningAgent>> ask_running_agent(const Config& config, const AgentAccess& access,
                                                         std::vector<std::string>& notes);

/// Its newest readings of the meters and accelerators that `config` has and it knows. Takes those out of
/// `config`, so that what is left can be read from the devices: a meter by itself, accelerators by vendor,
/// since a vendor's library is asked by one of both.
[[nodiscard]] std::vector<SourceReport> take_from(const RunningAgent& agent,
                                                  std::span<const accelerators::Vendor> vendors,
                                                  Config& config);

/// The answer of /api/v1/status of an agent of `node`; nullopt, and why in `notes`, where it is none.
[[nodiscard]] std::optional<RunningAgent> parse_status(std::string_view body, const std::string& where,
                                                       const std::string& node,
                                                       std::vector<std::string>& notes);

}  // namespace flopwatt::commands
