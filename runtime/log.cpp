#include "runtime/log.h"

#include <poll.h>
#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <system_error>

#include "runtime/text/number_text.h"
#include "runtime/threads.h"

namespace flopwatt::log {
namespace {

constexpr std::size_t queue_lines = 4096;
// A pipe takes this much at once or says that it is full (PIPE_BUF), so that one write never blocks half-way.
constexpr std::size_t longest_line = 4096;
// How long a reader of standard error may stand still before lines are given up.
constexpr std::chrono::milliseconds patience{100};

std::atomic<std::uint64_t> unwritten_lines{0};

// Standard error that nobody reads must not hold the agent at its end: a line that cannot be written within
// `patience` is dropped and counted.
class StandardError final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (line.size() > longest_line) {
      std::size_t end = longest_line - 1;
      while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;  // no half character
      line.resize(end + 1);
      line[end] = '\n';
    }
    pollfd writable{STDERR_FILENO, POLLOUT, 0};
    const auto wait = static_cast<int>(stalled_ ? 0 : patience.count());
    stalled_ = ::poll(&writable, 1, wait) != 1 || ::write(STDERR_FILENO, line.data(), line.size()) < 0;
    if (stalled_) unwritten_lines.fetch_add(1, std::memory_order_relaxed);
  }

  void flush_() override {}

  bool stalled_ = false;  // wait once, not once a line
};

// systemd sets $JOURNAL_STREAM to "device:inode" of the stream that it connected (systemd.exec(5)).
bool is_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  return stream == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

// The logger and how its lines begin. Without start() lines are written by the caller's own thread.
struct Output {
  bool journal = is_journal();
  std::shared_ptr<spdlog::details::thread_pool> thread;
  std::shared_ptr<spdlog::logger> logger =
      std::make_shared<spdlog::logger>("", std::make_shared<StandardError>());

  Output() { prepare(); }

  void prepare() const {
    logger->set_pattern(journal ? "%v" : "ts=%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
  }
};

Output& output() {
  static Output the_output;
  return the_output;
}

struct Level {
  spdlog::level::level_enum level;
  std::string_view name;
  std::string_view priority;  // sd-daemon(3)
};
constexpr Level debug_level{spdlog::level::debug, "debug", "<7>"};
constexpr Level info_level{spdlog::level::info, "info", "<6>"};
constexpr Level warn_level{spdlog::level::warn, "warn", "<4>"};
constexpr Level error_level{spdlog::level::err, "error", "<3>"};

bool needs_quotes(std::string_view value) {
  const auto is_special = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7F;
  };
  return value.empty() || std::ranges::any_of(value, is_special);
}

void append_quoted(std::string& line, std::string_view value) {
  constexpr std::string_view hex = "0123456789abcdef";
  line += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (byte < ' ' || byte == 0x7F) {
      line += "\\u00";
      line += hex[byte >> 4U];
      line += hex[byte & 0xFU];
    } else {
      line += c;
    }
  }
  line += '"';
}

void write(const Level& level, std::string_view message, std::initializer_list<Pair> pairs) {
  Output& out = output();
  if (!out.logger->should_log(level.level)) return;
  std::string line;
  if (out.journal) line += level.priority;
  line += "level=";
  line += level.name;
  line += " msg=";
  append_quoted(line, valid_utf8(message));
  for (const Pair& pair : pairs) {
    line += ' ';
    line += pair.key;
    line += '=';
    // Values quote what strangers sent. journald stores a line that is not UTF-8 as a blob.
    const std::string value = valid_utf8(pair.value);
    if (needs_quotes(value))
      append_quoted(line, value);
    else
      line += value;
  }
  out.logger->log(level.level, spdlog::string_view_t(line));
}

}  // namespace

void start() {
  Output& out = output();
  out.journal = is_journal();
  try {
    out.thread = std::make_shared<spdlog::details::thread_pool>(queue_lines, 1);
  } catch (const std::system_error&) {  // then lines are written as without start()
    out.prepare();
    warn("lines are written at once, and whoever logs waits for them",
         {{"reason", no_thread_text("the log")}});
    return;
  }
  out.logger = std::make_shared<spdlog::async_logger>("", std::make_shared<StandardError>(), out.thread,
                                                      spdlog::async_overflow_policy::overrun_oldest);
  out.prepare();
}

void stop() {
  Output& out = output();
  unwritten_lines.fetch_add(out.thread ? out.thread->overrun_counter() : 0, std::memory_order_relaxed);
  out.thread.reset();  // writes what is queued and joins
  out.logger = std::make_shared<spdlog::logger>("", std::make_shared<StandardError>());
  out.prepare();
}

void silence() { output().logger->set_level(spdlog::level::off); }

void debug(std::string_view message, std::initializer_list<Pair> pairs) {
  write(debug_level, message, pairs);
}
void info(std::string_view message, std::initializer_list<Pair> pairs) { write(info_level, message, pairs); }
void warn(std::string_view message, std::initializer_list<Pair> pairs) { write(warn_level, message, pairs); }
void error(std::string_view message, std::initializer_list<Pair> pairs) {
  write(error_level, message, pairs);
}

std::uint64_t dropped_lines() {
  const Output& out = output();
  return unwritten_lines.load(std::memory_order_relaxed) + (out.thread ? out.thread->overrun_counter() : 0);
}

}  // namespace flopwatt::log
