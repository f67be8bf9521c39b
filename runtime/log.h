// Logging to standard error: logfmt `ts=... level=... msg="..." key=value`, under journald `<N>level=...`
// without ts. Asynchronous and bounded: a full queue drops the line and counts it (dropped_log_lines()).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace flopwatt::log {

/// One key=value of a line. Values are quoted where logfmt needs it.
struct Pair {
  std::string_view key;
  std::string value;
};

/// Starts the logging thread; where none is left that is logged, and lines are written by whoever logs them.
/// Call once, in main, before any other thread. `stop()` writes what is queued.
void start();
void stop();

/// Nothing is logged any more: for a command that shows by itself what it finds.
void silence();

void debug(std::string_view message, std::initializer_list<Pair> pairs = {});
void info(std::string_view message, std::initializer_list<Pair> pairs = {});
void warn(std::string_view message, std::initializer_list<Pair> pairs = {});
void error(std::string_view message, std::initializer_list<Pair> pairs = {});

[[nodiscard]] std::uint64_t dropped_lines();

}  // namespace flopwatt::log
