#include "agent/store/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "agent/store/seq_mark.h"

namespace flopwatt::store {
namespace {

namespace fs = std::filesystem;

fs::path with_suffix(const fs::path& path, std::string_view suffix) {
  return path.string() + std::string(suffix);
}

fs::path directory_of(const fs::path& path) {
  return path.parent_path().empty() ? fs::path(".") : path.parent_path();
}

std::string cure_of(int error, const fs::path& directory) {
  switch (error) {
    case ENOENT:
      return "make the directory " + directory.string();
    case ENOTDIR:
      return "make " + directory.string() + " a directory";
    case ENOSPC:
    case EDQUOT:
      return "make room on the file system of " + directory.string();
    case EFBIG:
      return "raise the limit on the size of a file (ulimit -f, LimitFSIZE= of the unit)";
    case EACCES:
    case EPERM:
    case EROFS:
      return "let the agent's user write in " + directory.string();
    default:
      return "see whether " + directory.string() + " is healthy";
  }
}

/// What may be a store, whole or damaged: SQLite's first bytes as far as the file goes, or zeros, which are
/// what a power cut leaves of a page that was never written.
bool begins_as_store(std::string_view head) {
  constexpr std::string_view magic("SQLite format 3\0", 16);
  return magic.starts_with(head) || std::ranges::all_of(head, [](char c) { return c == '\0'; });
}

/// Up to `size` bytes from `offset` on; fewer where the file ends.
std::string bytes_of(const fs::path& path, std::streamoff offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  file.seekg(offset);
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

/// The id of the file's last agent, as LockFile::take() writes it.
bool holds_process_id(std::string_view text) {
  return text.size() > 1 && text.ends_with('\n') &&
         std::ranges::all_of(text.substr(0, text.size() - 1), [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether a file that does not begin as a store is one of ours all the same.
bool is_damaged_store(const fs::path& store) {
  constexpr std::string_view id{"flpw"};  // application_id (schema.h)
  constexpr std::streamoff id_offset = 68;
  const auto regular = [](const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error);
  };
  if (bytes_of(store, id_offset, id.size()) == id) return true;
  if (regular(mark_path(store)) && find_seq_mark(store).state) return true;
  // A write-ahead log begins with 0x377f0682 or 0x377f0683.
  const fs::path wal = with_suffix(store, "-wal");
  if (regular(wal) && bytes_of(wal, 0, 3) == "\x37\x7f\x06") return true;
  const fs::path lock = with_suffix(store, ".lock");
  return regular(lock) && holds_process_id(bytes_of(lock, 0, 16));
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts)};
}

/// Who wrote itself into the lock file, "" where nobody did.
std::string holder(int descriptor) {
  std::array<char, 16> text{};
  const ::ssize_t length = ::pread(descriptor, text.data(), text.size(), 0);
  const std::string pid(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  return pid.empty() ? "" : " (process " + pid.substr(0, pid.find('\n')) + ")";
}

}  // namespace

fs::path mark_path(const fs::path& store) { return with_suffix(store, ".seq"); }

Fault system_fault(const std::string& tried, const fs::path& path, int error) {
  return {FaultClass::device,
          "cannot " + tried + " " + path.string() + ": " + std::generic_category().message(error) + "; " +
              cure_of(error, directory_of(path)) + " or set another store.path",
          error};
}

Result<Done> sync_directory_of(const fs::path& store) {
  const int descriptor = ::open(directory_of(store).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!synced) return system_fault("sync the directory of", store, error);
  return Done{};
}

Result<LockFile> LockFile::take(const fs::path& store) {
  const fs::path path = with_suffix(store, ".lock");
  // CLOEXEC: a guest process that outlives the agent must not hold the lock.
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, file_mode);
  if (descriptor < 0) return system_fault("open the lock file", path, errno);
  LockFile lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return system_fault("lock", path, errno);
    return Fault{FaultClass::device,
                 "cannot open the store " + store.string() + ": another agent" + holder(descriptor) +
                     " holds it; stop that one or set another store.path",
                 EWOULDBLOCK};
  }
  // For the message above only: what is written here decides nothing.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) != 0 || ::pwrite(descriptor, pid.data(), pid.size(), 0) < 0) errno = 0;
  return lock;
}

LockFile::LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

LockFile::~LockFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<Done> refuse_other_files(const fs::path& store) {
  const auto refused = [&store](const std::string& why) {
    return Fault{FaultClass::device, "cannot open the store " + store.string() + ": " + why, 0};
  };
  std::error_code error;
  const fs::file_status status = fs::status(store, error);
  if (!fs::exists(status)) return Done{};
  if (!fs::is_regular_file(status))
    return refused(std::string(fs::is_directory(status) ? "it is a directory" : "it is no regular file") +
                   "; set store.path to the path of a file");
  if (!begins_as_store(bytes_of(store, 0, 16)) && !is_damaged_store(store))
    return refused("it is no store, and was left as it is; set another store.path, or move the file away");
  return Done{};
}

bool has_sound_header(const fs::path& store) {
  const std::string header = bytes_of(store, 0, 24);
  if (header.size() < 24) return true;
  const auto is_version = [](char byte) { return byte == 1 || byte == 2; };
  // Versions for writing and reading, then shares of a page that are fixed.
  return is_version(header[18]) && is_version(header[19]) && header.substr(21, 3) == "\x40\x20\x20";
}

Result<Done> create_durably(const fs::path& store) {
  const int descriptor = ::open(store.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, file_mode);
  if (descriptor < 0) {
    if (errno == EEXIST) return Done{};
    return system_fault("make the store", store, errno);
  }
  const bool done = ::fchmod(descriptor, file_mode) == 0 && ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  if (!done) return system_fault("make the store", store, error);
  return sync_directory_of(store);
}

Result<std::string> set_aside(const fs::path& store) {
  // The main file first: SQLite throws away a WAL that lies beside a new file, but would take a main file
  // without its WAL for an older state of the same log, and give seqs a second time.
  constexpr std::array<std::string_view, 4> all = {"", "-wal", "-shm", "-journal"};
  return move_away(store, "corrupt", all);
}

Result<std::string> move_away(const fs::path& store, std::string_view label,
                              std::span<const std::string_view> suffixes) {
  const fs::path base = with_suffix(store, "." + std::string(label) + "-" + utc_now());
  const auto is_taken = [suffixes](const fs::path& target) {
    return std::ranges::any_of(
        suffixes, [&](std::string_view suffix) { return fs::exists(with_suffix(target, suffix)); });
  };
  fs::path target = base;
  for (int i = 2; is_taken(target); ++i) target = with_suffix(base, "." + std::to_string(i));
  for (const std::string_view suffix : suffixes) {
    const fs::path from = with_suffix(store, suffix);
    if (::rename(from.c_str(), with_suffix(target, suffix).c_str()) != 0 && errno != ENOENT)
      return system_fault("set aside the " + std::string(label) + " store", from, errno);
  }
  if (auto synced = sync_directory_of(store); !synced) return synced.error();
  return target.string();
}

Result<Done> rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return system_fault("rename " + from.string() + " to", to, errno);
  return sync_directory_of(to);
}

Result<Done> require_room(const fs::path& store, std::uint64_t bytes) {
  std::error_code error;
  const fs::space_info space = fs::space(directory_of(store), error);
  if (!error && space.available < bytes) return system_fault("write", store, ENOSPC);
  return Done{};
}

std::uint64_t size_on_disk(const fs::path& store) {
  std::uint64_t size = 0;
  for (const std::string_view suffix : {"", "-wal"}) {
    std::error_code error;
    const auto part = fs::file_size(with_suffix(store, suffix), error);
    if (!error) size += part;
  }
  return size;
}

}  // namespace flopwatt::store
