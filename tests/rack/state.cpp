#include "state.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <new>
#include <stdexcept>

namespace rack {
namespace {

std::int64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

[[noreturn]] void fail(const std::string& path, const char* doing) {
  throw std::runtime_error(path + ": " + doing + ": " + std::strerror(errno));
}

StatePtr map(const std::string& path, int descriptor) {
  void* memory = mmap(nullptr, sizeof(RackState), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (memory == MAP_FAILED) fail(path, "cannot be mapped");
  return {static_cast<RackState*>(memory), [](RackState* state) { munmap(state, sizeof *state); }};
}

}  // namespace

std::int64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }
std::int64_t realtime_ns() { return clock_ns(CLOCK_REALTIME); }
double RackState::now() const { return seconds_at(monotonic_ns()); }

StatePtr create_state(const std::string& path, const std::string& load_path) {
  const std::string absolute = std::filesystem::absolute(load_path);
  if (absolute.size() >= sizeof RackState::load_path)
    throw std::runtime_error(absolute + ": too long a path");
  const std::string draft = path + ".new";
  const int descriptor = open(draft.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(draft, "cannot be created");
  // Whoever runs the product under another account must be able to map it too, whatever the umask says.
  fchmod(descriptor, 0666);
  if (ftruncate(descriptor, sizeof(RackState)) != 0) fail(draft, "cannot be sized");
  StatePtr state = map(draft, descriptor);
  new (state.get()) RackState();
  std::memcpy(state->load_path.data(), absolute.data(), absolute.size());
  state->pid = getpid();
  state->start_realtime_ns = realtime_ns();
  state->start_monotonic_ns = monotonic_ns();
  state->magic = RackState::kMagic;
  if (std::rename(draft.c_str(), path.c_str()) != 0) fail(path, "cannot be replaced");
  return state;
}

StatePtr open_state(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) fail(path, "cannot be opened");
  struct stat info {};
  if (fstat(descriptor, &info) != 0 || info.st_size != sizeof(RackState)) {
    close(descriptor);
    throw std::runtime_error(path + ": is no state of this rack");
  }
  StatePtr state = map(path, descriptor);
  if (state->magic != RackState::kMagic) throw std::runtime_error(path + ": is no state of this rack");
  return state;
}

}  // namespace rack
