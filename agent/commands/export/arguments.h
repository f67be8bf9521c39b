// What `flopwatt export` is told on its command line, as values. Pure; a failure is a sentence that says what
// to write instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml/parse_values.h"

namespace flopwatt::commands {

/// A moment as Unix microseconds: RFC 3339 ("2026-11-23T12:44:01.250Z", "…+08:00"; seconds may be left out),
/// a date (its midnight, UTC), or a duration before `now_us` ("-1h").
[[nodiscard]] Parsed<std::int64_t> parse_moment(std::string_view text, std::int64_t now_us);

/// `--label K=V`: added to everything that is exported.
struct AddedLabel {
  std::string name;
  std::string value;
};

/// The name is one that Prometheus takes and does not keep for itself ("__…"); the value may be anything.
[[nodiscard]] Parsed<AddedLabel> parse_label(std::string_view text);

}  // namespace flopwatt::commands
