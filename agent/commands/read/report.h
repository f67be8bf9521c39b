// What `flopwatt read` tells of each source: its figures by the keys of CONTRACT section 4, and for each that
// is missing why. The same whether the figures come from the devices or from a running agent.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/commands/read/scope_report.h"
#include "agent/daemon/missing.h"
#include "exporters/snapshot.h"
#include "readings/source.h"

namespace flopwatt::commands {

using daemon::Key;

struct SourceReport {
  std::string name;
  SourceKind kind{};
  std::string description;       ///< vendor and model, as far as known
  std::vector<Key> keys;         ///< in their order: all that the source could have
  boost::json::object figures;   ///< "time", "uuid" and the keys that are known, nested as in messages
  std::vector<Missing> missing;  ///< the others, in the order of `keys`
  std::vector<std::string> contradictions{};  ///< of its figures, a sentence each (readings/contradictions.h)
  std::string fault;                          ///< why the source is down, "" while it is up
  bool from_agent = false;                    ///< these are a running agent's newest readings
  std::optional<double> age_s{};              ///< of those, when the agent told them

  [[nodiscard]] bool up() const { return fault.empty(); }
};

struct Report {
  std::vector<SourceReport> sources;
  std::vector<ScopeReport> scopes{};  ///< of a running agent
  std::vector<std::string> troubles;  ///< what kept sources from being found: the command fails, too
  std::vector<std::string> notes;     ///< what the reader should know; no failure

  [[nodiscard]] bool all_good() const;
};

/// The value of that key; nullptr where it is unknown.
[[nodiscard]] const boost::json::value* find_figure(const boost::json::object& figures,
                                                    const std::string& key);

/// {"sources":{<source>:{"kind","up","from","age_s","fault","time",keys…,"missing":{<key>:<reason>},
/// "contradictions":[…]}},"scopes":{…}} with a line end; "from", "age_s", "fault", "contradictions" and "scopes"
/// (scope_report.h) where there are any.
[[nodiscard]] std::string json_text(const Report& report);

/// A block a source, at most 96 columns wide: its figures with units, then what is missing, and
/// what contradicts each other.
[[nodiscard]] std::string table_text(const Report& report);

}  // namespace flopwatt::commands
