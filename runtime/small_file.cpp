#include "runtime/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace flopwatt {
namespace {

class OpenFile {
 public:
  // O_NONBLOCK: the open of a pipe that nobody writes would wait. It has no effect on a regular file.
  explicit OpenFile(const std::filesystem::path& file)
      : descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

SmallFile unreadable_file(std::string reason) { return {"", std::move(reason), {}}; }

SmallFile failed_with(int error) {
  if (error == ENOENT) return unreadable_file("no such file");
  const std::string advice = error == EACCES ? "; let this user read it" : "";
  return unreadable_file(std::generic_category().message(error) + advice);
}

std::int64_t nanoseconds_of(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStamp to_stamp(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          nanoseconds_of(status.st_mtim), nanoseconds_of(status.st_ctim)};
}

}  // namespace

SmallFile read_small_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const OpenFile file(path);
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return failed_with(errno);
  if (S_ISDIR(status.st_mode)) return unreadable_file("it is a directory");
  if (!S_ISREG(status.st_mode)) return unreadable_file("it is not a regular file");
  SmallFile read{std::string(max_bytes + 1, '\0'), "", to_stamp(status)};
  std::size_t size = 0;
  while (size < read.text.size()) {
    const ssize_t got = ::read(file.get(), read.text.data() + size, read.text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed_with(errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > max_bytes)
    return unreadable_file("it is larger than " + std::to_string(max_bytes / 1024) + " KiB");
  read.text.resize(size);
  return read;
}

FileStamp stamp_of(const std::filesystem::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? to_stamp(status) : FileStamp{};
}

}  // namespace flopwatt
