// Names that are taken. Meters, accelerators, CPU packages and scopes share one set of names, because they
// share one label. Exporters and buses have a set each. Case is ignored.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "config/yaml/finding.h"
#include "config/yaml/map_reader.h"

namespace flopwatt {

/// Whether the agent may give this name itself: <vendor><number> or cpu<number>.
[[nodiscard]] bool is_automatic_name(std::string_view name, std::span<const std::string_view> vendors);

class UniqueNames {
 public:
  UniqueNames() = default;
  /// Refuses automatic names of these vendors. `vendors` must outlive it.
  explicit UniqueNames(std::span<const std::string_view> vendors) : vendors_(vendors) {}

  /// Takes `name` for `what` ("meter"). Reports a bad or taken name.
  void take(const std::string& name, std::string_view what, Position at, Reporter& report);

  /// Reads the required key `name` of an entry and takes the name. "" if the key is missing.
  [[nodiscard]] std::string read(MapReader& map, std::string_view what);

 private:
  struct Owner {
    std::string what;
    int line;
  };
  std::span<const std::string_view> vendors_;
  std::map<std::string, Owner> taken_;  // by lower case
};

}  // namespace flopwatt
