/* LD_PRELOAD library for tests: a disk on which each write of the store takes SLOW_WRITE_MS. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t pwrite64(int descriptor, const void* data, size_t size, off64_t offset) {
  const char* wait = getenv("SLOW_WRITE_MS");
  if (wait != NULL) usleep((useconds_t)atoi(wait) * 1000);
  return syscall(SYS_pwrite64, descriptor, data, size, offset);
}
