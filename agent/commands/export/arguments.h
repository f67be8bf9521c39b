// Arguments of `flopwatt export` as values. Pure. A failure is a sentence that says what to write instead.
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

/// `--label K=V`: a label of every exported reading.
struct AddedLabel {
  std::string name;
  std::string value;
};

/// The name must be valid for Prometheus and not reserved ("__…"); the value may be any text.
[[nodiscard]] Parsed<AddedLabel> parse_label(std::string_view text);

}  // namespace flopwatt::commands
