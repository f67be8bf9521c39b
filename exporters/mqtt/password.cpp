#include "exporters/mqtt/password.h"

#include <chrono>
#include <optional>

#include "runtime/side_work.h"
#include "runtime/small_file.h"

namespace flopwatt::mqtt {
namespace {

constexpr std::size_t longest_password = 65535, longest_line_end = 2;
constexpr std::chrono::seconds read_limit{5};

Fault unreadable(const std::filesystem::path& file, const std::string& reason) {
  return {FaultClass::connection, "reading the password from " + file.string() + ": " + reason, 0};
}

}  // namespace

Result<std::string> read_password(const std::filesystem::path& file) {
  SmallFile read = read_small_file(file, longest_password + longest_line_end);
  if (!read.failure.empty()) return unreadable(file, read.failure);
  std::string& text = read.text;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  // Byte order marks of UTF-8 and UTF-16, as some editors write them: no broker would take that for what was meant.
  if (text.starts_with("\xEF\xBB\xBF") || text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return unreadable(file, "it is no plain UTF-8; save it without a byte order mark");
  if (text.size() > longest_password)
    return Fault{FaultClass::connection, "the password in " + file.string() + " is longer than 65535 bytes",
                 0};
  return std::move(text);
}

struct PasswordFile::Reading {
  std::shared_ptr<const std::optional<Result<std::string>>> password;  // of the thread until its work is done
  std::shared_ptr<SideWork> work;
};

awaitable<Result<std::string>> PasswordFile::read() {
  if (!reading_) {
    const auto password = std::make_shared<std::optional<Result<std::string>>>();
    auto work = SideWork::start("the password file",
                                [file = file_, password] { password->emplace(read_password(file)); });
    if (!work) co_return work.error();
    reading_ = std::make_shared<const Reading>(Reading{password, *std::move(work)});
  }
  const auto reading = reading_;
  const auto done = co_await with_timeout(reading->work->wait(), read_limit);
  if (!done) co_return unreadable(file_, "no answer within 5 s; is it on a file system that hangs?");
  if (!*done) co_return done->error();
  reading_.reset();
  co_return **reading->password;
}

}  // namespace flopwatt::mqtt
