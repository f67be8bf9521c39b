// Which names are taken. Names of meters, accelerators, CPU packages and scopes are one set, as they become
// one label; those of exporters and of buses are sets of their own. Upper and lower case do not tell names
// apart.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "config/yaml/finding.h"
#include "config/yaml/map_reader.h"

namespace flopwatt {

/// A name that the agent gives by itself: <vendor><number> or cpu<number>.
[[nodiscard]] bool is_automatic_name(std::string_view name, std::span<const std::string_view> vendors);

class UniqueNames {
 public:
  UniqueNames() = default;
  /// With vendors, automatic names cannot be taken. `vendors` must outlive it.
  explicit UniqueNames(std::span<const std::string_view> vendors) : vendors_(vendors) {}

  /// Takes `name` for `what` ("meter"); a bad or taken name is reported.
  void take(const std::string& name, std::string_view what, Position at, Reporter& report);

  /// Reads the required key `name` of an entry and takes it. "" where there is none.
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
