// The files of an open store, as they were when it was opened: whether they still are what their paths name. A file
// that was removed or moved, or in whose place another one was put, can be read and written through the store's open
// descriptors all the same, without an error; what is written there is found by nobody after the end of the agent.
// Blocking; the store's thread.
#pragma once

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <string_view>
#include <vector>

namespace flopwatt::store {

class OpenFiles {
 public:
  /// `store` has just been opened.
  explicit OpenFiles(std::filesystem::path store);

  /// The main file is not what its path names.
  [[nodiscard]] bool has_lost_main() const { return is_lost(main); }
  /// The same of the write-ahead log or its shared memory, without which no other program finds what is in it.
  [[nodiscard]] bool has_lost_log() const { return is_lost(wal) || is_lost(shm); }

  /// Suffixes of files that lie at the store's paths, and are not its own.
  [[nodiscard]] std::vector<std::string_view> strangers() const;

  /// Removes its own write-ahead log and shared memory where they still are. Of a closed store only.
  void remove_log() const;

 private:
  struct Id {
    ::dev_t device = 0;
    ::ino_t inode = 0;
    bool operator==(const Id&) const = default;
  };
  enum Part : std::size_t { main, wal, shm, journal };
  static constexpr std::array<std::string_view, 4> suffixes = {"", "-wal", "-shm", "-journal"};

  [[nodiscard]] static Id id_of(const std::filesystem::path& path);
  [[nodiscard]] std::filesystem::path path_of(Part part) const;
  [[nodiscard]] bool is_lost(Part part) const;

  std::filesystem::path store_;
  std::array<Id, suffixes.size()> ids_;
};

}  // namespace flopwatt::store
