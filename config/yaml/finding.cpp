#include "config/yaml/finding.h"

#include <algorithm>

namespace flopwatt {

namespace {

// A message quotes what the user wrote, which may hold line ends (a plain scalar over several lines) or a
// terminal's control sequences: a finding is one line of text.
std::string as_one_line(std::string message) {
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  std::ranges::replace_if(message, is_control, ' ');
  return message;
}

}  // namespace

std::string Finding::text() const {
  return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " +
         (severity == Severity::warning ? "warning: " : "") + message;
}

void Reporter::error(Position at, std::string message) {
  ++errors_;
  findings_.push_back({Finding::Severity::error, file_, at.line, at.column, as_one_line(std::move(message))});
}

void Reporter::warn(Position at, std::string message) {
  findings_.push_back(
      {Finding::Severity::warning, file_, at.line, at.column, as_one_line(std::move(message))});
}

}  // namespace flopwatt
