#include "agent/store/open_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace flopwatt::store {

OpenFiles::OpenFiles(std::filesystem::path store) : store_(std::move(store)) {
  for (const Part part : {main, wal, shm}) ids_[part] = id_of(path_of(part));
}

std::filesystem::path OpenFiles::path_of(Part part) const {
  return store_.string() + std::string(suffixes[part]);
}

OpenFiles::Id OpenFiles::id_of(const std::filesystem::path& path) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

/// An open file keeps its inode, so that no other can have its number. What cannot be looked at is not lost.
bool OpenFiles::is_lost(Part part) const {
  if (ids_[part] == Id{}) return false;
  struct ::stat status {};
  if (::stat(path_of(part).c_str(), &status) != 0) return errno == ENOENT || errno == ENOTDIR;
  return Id{status.st_dev, status.st_ino} != ids_[part];
}

std::vector<std::string_view> OpenFiles::strangers() const {
  std::vector<std::string_view> found;
  for (const Part part : {main, wal, shm, journal}) {
    const Id there = id_of(path_of(part));
    if (there != Id{} && there != ids_[part]) found.push_back(suffixes[part]);
  }
  return found;
}

void OpenFiles::remove_log() const {
  for (const Part part : {wal, shm})
    if (ids_[part] != Id{} && id_of(path_of(part)) == ids_[part]) ::unlink(path_of(part).c_str());
}

}  // namespace flopwatt::store
