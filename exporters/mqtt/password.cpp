#include "exporters/mqtt/password.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>

#include "runtime/side_work.h"

namespace flopwatt::mqtt {
namespace {

constexpr std::size_t longest_password = 65535;
constexpr std::chrono::seconds read_limit{5};

Fault unreadable(const std::filesystem::path& file, const std::string& reason) {
  return {FaultClass::connection, "reading the password from " + file.string() + ": " + reason, 0};
}

class Descriptor {
 public:
  // O_NONBLOCK: the open of a pipe that nobody writes would wait. It has no effect on a regular file.
  explicit Descriptor(const std::filesystem::path& file)
      : descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

Result<std::string> read_password(const std::filesystem::path& file) {
  const auto failed = [&file] { return unreadable(file, std::generic_category().message(errno)); };
  const Descriptor descriptor(file);
  struct stat status {};
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0) return failed();
  if (!S_ISREG(status.st_mode)) return unreadable(file, "it is not a regular file");
  std::string text(longest_password + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(descriptor.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed();
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.size() > longest_password)
    return Fault{FaultClass::connection, "the password in " + file.string() + " is longer than 65535 bytes",
                 0};
  return text;
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
