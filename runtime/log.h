// Logging to standard error: logfmt `ts=... level=... msg="..." key=value`, under journald
// `<N>level=...` without ts. Asynchronous and bounded: a full queue drops the line and counts it in
// dropped_lines(). Any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace flopwatt::log {

/// One key=value of a line. Values are quoted as logfmt requires; bytes that are not UTF-8 become U+FFFD.
struct Pair {
  std::string_view key;
  std::string value;
};

/// Starts the logging thread. Where no thread is left, that is logged, and each line is written by whoever logs
/// it. Call once, before any other thread starts. stop() writes the queued lines.
void start();
void stop();

/// Stops all logging: for a command that prints its findings itself.
void silence();

void debug(std::string_view message, std::initializer_list<Pair> pairs = {});
void info(std::string_view message, std::initializer_list<Pair> pairs = {});
void warn(std::string_view message, std::initializer_list<Pair> pairs = {});
void error(std::string_view message, std::initializer_list<Pair> pairs = {});

[[nodiscard]] std::uint64_t dropped_lines();

}  // namespace flopwatt::log
