/* LD_PRELOAD library for tests: a disk whose syncs fail with EIO while the file named by SICK_FSYNC_WHILE exists. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_sick(void) {
  const char* file = getenv("SICK_FSYNC_WHILE");
  return file != NULL && access(file, F_OK) == 0;
}

static int sync_unless_sick(long call, int descriptor) {
  if (is_sick()) {
    errno = EIO;
    return -1;
  }
  return (int)syscall(call, descriptor);
}

int fsync(int descriptor) { return sync_unless_sick(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return sync_unless_sick(SYS_fdatasync, descriptor); }
