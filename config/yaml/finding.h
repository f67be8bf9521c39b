// Faults of a file that a user wrote, with their places.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace flopwatt {

/// A place in a text file; both count from 1.
struct Position {
  int line = 1;
  int column = 1;

  auto operator<=>(const Position&) const = default;
};

/// One fault or warning, as `check` prints it: "file:line:column: message".
struct Finding {
  enum class Severity : std::uint8_t { error, warning } severity = Severity::error;
  std::string file;
  int line = 1;
  int column = 1;
  std::string message;  ///< the fault and what to write instead; no control characters

  /// "file:line:column: message"; a warning's message begins with "warning: ".
  [[nodiscard]] std::string text() const;
};

/// Collects the findings of one file. Several reporters may share one list.
class Reporter {
 public:
  Reporter(std::vector<Finding>& findings, std::string file) : findings_(findings), file_(std::move(file)) {}

  void error(Position at, std::string message);
  void warn(Position at, std::string message);

  [[nodiscard]] std::size_t error_count() const { return errors_; }  ///< of this reporter
  [[nodiscard]] const std::string& file() const { return file_; }
  /// A reporter for another file, with the same list.
  [[nodiscard]] Reporter for_file(std::string file) const { return {findings_, std::move(file)}; }

 private:
  std::vector<Finding>& findings_;
  std::string file_;
  std::size_t errors_ = 0;
};

}  // namespace flopwatt
