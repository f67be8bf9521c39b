#include "runtime/log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <string>

#include "runtime/text/number_text.h"
#include "tests/unit/runtime/without_threads.h"

using namespace flopwatt;

namespace {

// Standard error goes into a file, or into a given descriptor, while this lives.
class Capture {
 public:
  Capture() : Capture(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {}
  explicit Capture(int target) : target_(target), saved_(::dup(STDERR_FILENO)) {
    ::dup2(target_, STDERR_FILENO);
  }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() {
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
    ::close(target_);
  }

  [[nodiscard]] std::string text() const {
    std::string all;
    std::array<char, 4096> part{};
    ssize_t count = 0;
    while ((count = ::pread(target_, part.data(), part.size(), static_cast<off_t>(all.size()))) > 0)
      all.append(part.data(), static_cast<std::size_t>(count));
    return all;
  }

  [[nodiscard]] std::string device_and_inode() const {
    struct stat status {};
    ::fstat(target_, &status);
    return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  }

 private:
  int target_;
  int saved_;
};

// The line without its time stamp.
std::string without_time(const std::string& line) { return line.substr(line.find(' ') + 1); }

std::string logged(std::string_view message, std::initializer_list<log::Pair> pairs) {
  const Capture capture;
  log::start();
  log::info(message, pairs);
  log::stop();
  return capture.text();
}

}  // namespace

TEST_CASE("a line is logfmt with a UTC time stamp of milliseconds") {
  std::string line = logged("listening", {{"address", ":10150"}, {"ports", "2"}});
  REQUIRE(line.size() > 27);
  std::replace_if(
      line.begin(), line.begin() + 27, [](char c) { return c >= '0' && c <= '9'; }, '9');
  CHECK(line == "ts=9999-99-99T99:99:99.999Z level=info msg=\"listening\" address=:10150 ports=2\n");
}

TEST_CASE("values are quoted where logfmt needs it, and nothing breaks out of its line") {
  CHECK(without_time(logged("a \"b\" \\", {{"k", "two words"}, {"e", ""}, {"q", "x=\"y\""}})) ==
        "level=info msg=\"a \\\"b\\\" \\\\\" k=\"two words\" e=\"\" q=\"x=\\\"y\\\"\"\n");
  CHECK(without_time(logged("m", {{"k", "one\ntwo\x1b[31m"}})) ==
        "level=info msg=\"m\" k=\"one\\ntwo\\u001b[31m\"\n");
}

TEST_CASE("a line is UTF-8, whatever it quotes and wherever it is cut") {
  CHECK(without_time(logged("m\xFF", {{"bare", "a\x9Bz"}, {"quoted", "a \xC3"}})) ==
        "level=info msg=\"m\uFFFD\" bare=a\uFFFDz quoted=\"a \uFFFD\"\n");
  std::string cut;
  for (int i = 0; i < 3000; ++i) cut += "\u00E9";
  for (const std::string before : {"", "x"}) {
    const std::string line = logged(before + cut, {});
    CHECK(line.size() <= 4096);
    CHECK(line.ends_with("\u00E9\n"));
    CHECK(valid_utf8(line) == line);
  }
}

TEST_CASE("percent signs and braces are text, not format") {
  CHECK(without_time(logged("50 % {} %v", {{"k", "{0}%n"}})) == "level=info msg=\"50 % {} %v\" k={0}%n\n");
}

TEST_CASE("levels; debug is off") {
  const Capture capture;
  log::start();
  log::debug("not shown");
  log::warn("w");
  log::error("e");
  log::stop();
  const std::string text = capture.text();
  CHECK(text.find("not shown") == std::string::npos);
  CHECK(text.find("level=warn msg=\"w\"") < text.find("level=error msg=\"e\""));
}

TEST_CASE("without start() a line is written at once") {
  const Capture capture;
  log::info("early");
  CHECK(capture.text().find("level=info msg=\"early\"\n") != std::string::npos);
}

TEST_CASE("under journald lines begin with their priority and have no time") {
  const Capture capture;
  ::setenv("JOURNAL_STREAM", capture.device_and_inode().c_str(), 1);
  log::start();
  log::info("i");
  log::error("e");
  log::stop();
  ::unsetenv("JOURNAL_STREAM");
  CHECK(capture.text() == "<6>level=info msg=\"i\"\n<3>level=error msg=\"e\"\n");
}

TEST_CASE("a $JOURNAL_STREAM of another stream is not ours") {
  ::setenv("JOURNAL_STREAM", "1:1", 1);
  const std::string line = logged("m", {});
  ::unsetenv("JOURNAL_STREAM");
  CHECK(line.starts_with("ts="));
}

TEST_CASE("without a thread lines are written at once, and that is logged once") {
  const Capture capture;
  CHECK(test::holds_without_threads([] {
    log::start();
    log::info("goes on");
    log::stop();
    log::info("and on");
    return log::dropped_lines() == 0;
  }));
  const std::string text = capture.text();
  const auto reason = text.find("no thread is left for the log; raise the limit of tasks");
  CHECK(reason != std::string::npos);
  CHECK(text.find("no thread is left", reason + 1) == std::string::npos);
  CHECK(text.find("goes on") > reason);
  CHECK(text.find("and on") != std::string::npos);
}

TEST_CASE("standard error that nobody reads costs lines, which are counted, and no time") {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  constexpr int lines = 20'000;
  const std::uint64_t dropped_before = log::dropped_lines();
  const auto begin = std::chrono::steady_clock::now();
  {
    const Capture capture(pipe[1]);
    log::start();
    for (int i = 0; i < lines; ++i)
      log::info("a line that takes its place in the pipe", {{"i", std::to_string(i)}});
    log::stop();
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
  std::uint64_t written = 0;
  std::array<char, 4096> part{};
  for (ssize_t count = 0; (count = ::read(pipe[0], part.data(), part.size())) > 0;)
    written += static_cast<std::uint64_t>(std::count(part.data(), part.data() + count, '\n'));
  ::close(pipe[0]);
  CHECK(written > 0);
  CHECK(written + (log::dropped_lines() - dropped_before) == lines);
}
