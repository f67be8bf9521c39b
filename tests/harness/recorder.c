/* LD_PRELOAD library for tests: records every byte that the program under test writes to its peers, for
 * recording.py to judge: to Internet sockets that it did not accept() (meters, brokers) and to serial lines.
 * FLOPWATT_RECORD names the folder, FLOPWATT_RECORD_PROGRAMS the programs, where they are others than the
 * agent and its unit tests (names of executables, separated by blanks); in any other process it does nothing.
 *
 * A record is written before the bytes are sent and is told afterwards how many were, so that also a killed
 * process leaves nothing out. It goes into a mapped file of the process: no descriptor is held and no system
 * call is needed, whatever the test runs out of; threads and forked children reserve their places with one
 * atomic addition. Better one socket too many than one too few: what is not known to be accepted is recorded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { capacity = 128 << 20, kept_bytes = 512, descriptors = 65536, on_line = 1, on_socket = 2 };

struct file_head {
  char magic[8];
  _Atomic uint64_t used; /* bytes; beyond the capacity: records were lost */
};

/* Followed by the peer's sockaddr or the device's path, then by the first bytes; padded to 8. */
struct record {
  int64_t sent;  /* what the call returned; -1: it never did; -2: it was not even made */
  uint32_t size; /* of the record */
  uint32_t kind;
  uint32_t process, descriptor, connection;
  uint32_t peer_size, asked, kept;
};

static _Atomic(struct file_head*) file;
static _Atomic uint32_t connections;
static _Atomic uint32_t connection_of[descriptors]; /* counts from 1 */
static _Atomic unsigned char is_accepted[descriptors];
static dev_t terminal[3]; /* what the program was started on is no line of its own */

static int is_recorded_program(void) {
  char path[4096];
  const char* names = getenv("FLOPWATT_RECORD_PROGRAMS");
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  if (names == NULL) names = "flopwatt test_drivers_modbus";
  if (size <= 0) return 0;
  path[size] = 0;
  const char* name = strrchr(path, '/') + 1;
  const size_t length = strlen(name);
  for (const char* at = names; (at = strstr(at, name)) != NULL; at += length)
    if ((at == names || at[-1] == ' ') && (at[length] == 0 || at[length] == ' ')) return 1;
  return 0;
}

static void fail(const char* what) {
  fprintf(stderr, "recorder: %s: %s\n", what, strerror(errno));
  abort();
}

__attribute__((constructor)) static void begin(void) {
  const char* folder = getenv("FLOPWATT_RECORD");
  if (folder == NULL || !is_recorded_program()) return;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  char path[4096];
  snprintf(path, sizeof path, "%s/%d-%lld%09ld.sent", folder, (int)getpid(), (long long)now.tv_sec,
           now.tv_nsec);
  const int descriptor = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0 || ftruncate(descriptor, capacity) != 0) fail(path);
  struct file_head* head = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (head == MAP_FAILED) fail(path);
  close(descriptor);
  memcpy(head->magic, "recorded", sizeof head->magic);
  atomic_store(&head->used, sizeof *head);
  for (int i = 0; i < 3; ++i) {
    struct stat status;
    if (fstat(i, &status) == 0 && S_ISCHR(status.st_mode)) terminal[i] = status.st_rdev;
  }
  atomic_store(&file, head);
}

static int is_serial_line(int descriptor) {
  struct termios settings;
  if (ioctl(descriptor, TCGETS, &settings) != 0) return 0;
  unsigned number;
  if (ioctl(descriptor, TIOCGPTN, &number) == 0) return 0; /* the far end of a simulated line */
  struct stat status;
  if (fstat(descriptor, &status) != 0) return 1;
  for (int i = 0; i < 3; ++i)
    if (terminal[i] == status.st_rdev) return 0;
  return 1;
}

/* What stands behind the descriptor: its kind, and its name in `peer`; 0 where it is not recorded. */
static uint32_t peer_of(int descriptor, const struct sockaddr* to, socklen_t to_size, char* peer,
                        uint32_t* size) {
  struct sockaddr_storage address = {0};
  socklen_t address_size = sizeof address;
  if (to != NULL && to_size <= sizeof address) {
    memcpy(&address, to, to_size);
    address_size = to_size;
  } else if (getpeername(descriptor, (struct sockaddr*)&address, &address_size) != 0) {
    if (errno != ENOTSOCK || !is_serial_line(descriptor)) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, peer, sizeof address);
    *size = length > 0 ? (uint32_t)length : 0;
    return on_line;
  }
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return 0;
  if (descriptor < descriptors && atomic_load(&is_accepted[descriptor])) return 0;
  memcpy(peer, &address, address_size);
  *size = address_size;
  return on_socket;
}

/* NULL where the bytes are of no interest. */
static struct record* note(int descriptor, const struct msghdr* message) {
  struct file_head* head = atomic_load(&file);
  if (head == NULL) return NULL;
  const int number = errno;
  char peer[sizeof(struct sockaddr_storage)];
  struct record record = {.sent = -2, .process = (uint32_t)getpid(), .descriptor = (uint32_t)descriptor};
  record.kind = peer_of(descriptor, message->msg_name, message->msg_namelen, peer, &record.peer_size);
  errno = number;
  if (record.kind == 0) return NULL;
  if (descriptor < descriptors) record.connection = atomic_load(&connection_of[descriptor]);
  for (size_t i = 0; i < message->msg_iovlen; ++i) record.asked += (uint32_t)message->msg_iov[i].iov_len;
  record.kept = record.asked < kept_bytes ? record.asked : kept_bytes;
  record.size = (uint32_t)((sizeof record + record.peer_size + record.kept + 7) / 8 * 8);
  const uint64_t at = atomic_fetch_add(&head->used, record.size);
  if (at + record.size > capacity) return NULL;
  char* place = (char*)head + at;
  struct record* kept = (struct record*)place;
  *kept = record;
  place += sizeof record;
  memcpy(place, peer, record.peer_size);
  place += record.peer_size;
  size_t left = record.kept;
  for (size_t i = 0; i < message->msg_iovlen && left > 0; ++i) {
    const size_t size = message->msg_iov[i].iov_len < left ? message->msg_iov[i].iov_len : left;
    memcpy(place, message->msg_iov[i].iov_base, size);
    place += size;
    left -= size;
  }
  atomic_signal_fence(
      memory_order_seq_cst); /* a kill between the two lines must not show bytes that are not there */
  kept->sent = -1;
  return kept;
}

static ssize_t told(struct record* record, ssize_t sent) {
  if (record != NULL) record->sent = sent < 0 ? 0 : sent;
  return sent;
}

/* The next function of that name, looked up once. */
#define NEXT(name)                             \
  static _Atomic(__typeof__(&name)) next;      \
  __typeof__(&name) real = atomic_load(&next); \
  if (real == NULL) {                          \
    *(void**)&real = dlsym(RTLD_NEXT, #name);  \
    atomic_store(&next, real);                 \
  }

ssize_t sendmsg(int descriptor, const struct msghdr* message, int flags) {
  NEXT(sendmsg)
  struct record* record = note(descriptor, message);
  return told(record, real(descriptor, message, flags));
}

ssize_t writev(int descriptor, const struct iovec* pieces, int count) {
  NEXT(writev)
  const struct msghdr message = {.msg_iov = (struct iovec*)pieces, .msg_iovlen = (size_t)count};
  struct record* record = note(descriptor, &message);
  return told(record, real(descriptor, pieces, count));
}

static struct record* note_one(int descriptor, const void* data, size_t size, const struct sockaddr* to,
                               socklen_t to_size) {
  struct iovec piece = {(void*)data, size};
  const struct msghdr message = {
      .msg_name = (void*)to, .msg_namelen = to_size, .msg_iov = &piece, .msg_iovlen = 1};
  return note(descriptor, &message);
}

ssize_t write(int descriptor, const void* data, size_t size) {
  NEXT(write)
  struct record* record = note_one(descriptor, data, size, NULL, 0);
  return told(record, real(descriptor, data, size));
}

ssize_t send(int descriptor, const void* data, size_t size, int flags) {
  NEXT(send)
  struct record* record = note_one(descriptor, data, size, NULL, 0);
  return told(record, real(descriptor, data, size, flags));
}

ssize_t sendto(int descriptor, const void* data, size_t size, int flags, const struct sockaddr* to,
               socklen_t to_size) {
  NEXT(sendto)
  struct record* record = note_one(descriptor, data, size, to, to_size);
  return told(record, real(descriptor, data, size, flags, to, to_size));
}

/* Ways of sending that nothing here uses; were one used, its bytes would be missing, so it ends the program.
 */
static void refuse(int descriptor, const char* way) {
  char peer[sizeof(struct sockaddr_storage)];
  uint32_t size = 0;
  if (atomic_load(&file) == NULL || peer_of(descriptor, NULL, 0, peer, &size) == 0) return;
  fprintf(stderr, "recorder: bytes sent by %s would not be recorded\n", way);
  abort();
}

int sendmmsg(int descriptor, struct mmsghdr* messages, unsigned count, int flags) {
  NEXT(sendmmsg)
  refuse(descriptor, "sendmmsg");
  return real(descriptor, messages, count, flags);
}

ssize_t sendfile(int descriptor, int source, off_t* offset, size_t size) {
  NEXT(sendfile)
  refuse(descriptor, "sendfile");
  return real(descriptor, source, offset, size);
}

ssize_t sendfile64(int descriptor, int source, off64_t* offset, size_t size) {
  NEXT(sendfile64)
  refuse(descriptor, "sendfile64");
  return real(descriptor, source, offset, size);
}

ssize_t splice(int source, off64_t* from, int descriptor, off64_t* to, size_t size, unsigned flags) {
  NEXT(splice)
  refuse(descriptor, "splice");
  return real(source, from, descriptor, to, size, flags);
}

/* Who is accepted, and who is not any more. */
static void set_accepted(int descriptor, unsigned char accepted) {
  if (descriptor >= 0 && descriptor < descriptors) atomic_store(&is_accepted[descriptor], accepted);
}

int accept(int listener, struct sockaddr* peer, socklen_t* size) {
  NEXT(accept)
  const int descriptor = real(listener, peer, size);
  set_accepted(descriptor, 1);
  return descriptor;
}

int accept4(int listener, struct sockaddr* peer, socklen_t* size, int flags) {
  NEXT(accept4)
  const int descriptor = real(listener, peer, size, flags);
  set_accepted(descriptor, 1);
  return descriptor;
}

int connect(int descriptor, const struct sockaddr* peer, socklen_t size) {
  NEXT(connect)
  set_accepted(descriptor, 0);
  if (descriptor >= 0 && descriptor < descriptors)
    atomic_store(&connection_of[descriptor], atomic_fetch_add(&connections, 1) + 1);
  return real(descriptor, peer, size);
}

int close(int descriptor) {
  NEXT(close)
  set_accepted(descriptor, 0);
  return real(descriptor);
}

int dup2(int from, int to) {
  NEXT(dup2)
  set_accepted(to, 0);
  return real(from, to);
}

int dup3(int from, int to, int flags) {
  NEXT(dup3)
  set_accepted(to, 0);
  return real(from, to, flags);
}
