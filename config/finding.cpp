#include "config/finding.h"

namespace flopwatt {

std::string Finding::text() const {
  return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " +
         (severity == Severity::warning ? "warning: " : "") + message;
}

void Reporter::error(Position at, std::string message) {
  ++errors_;
  findings_.push_back({Finding::Severity::error, file_, at.line, at.column, std::move(message)});
}

void Reporter::warn(Position at, std::string message) {
  findings_.push_back({Finding::Severity::warning, file_, at.line, at.column, std::move(message)});
}

}  // namespace flopwatt
