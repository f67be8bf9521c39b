#include "agent/store/seq_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <span>
#include <tuple>
#include <utility>

#include "agent/store/bytes.h"
#include "agent/store/checksum.h"
#include "agent/store/files.h"

namespace flopwatt::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t slot_size = 128;
constexpr std::size_t slots = 2;
constexpr std::uint64_t mark_magic = 0x3171'6573'7770'6c66;  // "flpwseq1"
constexpr std::size_t longest_uuid = 40;
constexpr std::size_t schema_at = 9 * 8 + longest_uuid;

/// Between the reading of the clock and the change of the file lies the beginning of one write. A longer pause
/// there (a stopped process) costs a jump and no more.
constexpr std::int64_t longest_write_us = 1'000'000;

using MarkBytes = std::array<std::uint8_t, slot_size * slots>;

std::int64_t wall_clock_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Magic, eight words, the boot's id, four bytes of schema (0: 1, as marks had none once), zeros, and a CRC in
/// the last four bytes.
Bytes encode(const SeqMarkState& state) {
  Bytes bytes;
  bytes.reserve(slot_size);
  for (const std::uint64_t word :
       {mark_magic, state.writes, state.base, state.committed, state.pending, state.reserved, state.inode,
        std::uint64_t{state.stopped ? 1U : 0U}, static_cast<std::uint64_t>(state.written_us)})
    put_word(bytes, word, 8);
  const std::string uuid = state.boot_uuid.substr(0, longest_uuid);
  bytes.insert(bytes.end(), uuid.begin(), uuid.end());
  bytes.resize(schema_at, 0);
  put_word(bytes, static_cast<std::uint64_t>(state.schema), 4);
  bytes.resize(slot_size - Checksum::width, 0);
  put_word(bytes, Checksum().add(std::span<const std::uint8_t>(bytes)).value(), Checksum::width);
  return bytes;
}

std::optional<SeqMarkState> decode_slot(std::span<const std::uint8_t> slot) {
  ByteReader reader(slot);
  if (reader.word(8) != mark_magic) return std::nullopt;
  SeqMarkState state;
  for (std::uint64_t* word :
       {&state.writes, &state.base, &state.committed, &state.pending, &state.reserved, &state.inode})
    *word = reader.word(8);
  state.stopped = reader.word(8) != 0;
  state.written_us = static_cast<std::int64_t>(reader.word(8));
  const auto uuid = reader.take(longest_uuid);
  state.boot_uuid.assign(uuid.begin(), std::ranges::find(uuid, std::uint8_t{0}));
  state.schema = std::max<std::int64_t>(1, static_cast<std::int64_t>(reader.word(4)));
  const auto covered = slot.first(slot_size - Checksum::width);
  ByteReader crc(slot.last(Checksum::width));
  if (crc.word(Checksum::width) != Checksum().add(covered).value()) return std::nullopt;
  return state;
}

/// The newest state, and whether both slots are whole.
std::pair<std::optional<SeqMarkState>, bool> newest_slot(const MarkBytes& bytes) {
  std::optional<SeqMarkState> newest;
  bool whole = true;
  for (std::size_t i = 0; i < slots; ++i) {
    auto state = decode_slot(std::span(bytes).subspan(i * slot_size, slot_size));
    whole = whole && state;
    if (state && (!newest || state->writes > newest->writes)) newest = std::move(state);
  }
  return {std::move(newest), whole};
}

bool write_all(int descriptor, std::span<const std::uint8_t> bytes, ::off_t at) {
  const ::ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), at);
  if (written >= 0 && static_cast<std::size_t>(written) != bytes.size()) errno = ENOSPC;
  return written == static_cast<::ssize_t>(bytes.size());
}

Failure mark_failure(const fs::path& path, int error) {
  const bool passing = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {passing ? Failure::Cause::passing : Failure::Cause::broken,
          system_fault("write the mark of the store's numbers", path, error)};
}

SeqJump jump(std::string reason, std::optional<std::uint64_t> lost_sets = std::nullopt) {
  return {std::move(reason), lost_sets};
}

}  // namespace

FoundSeqMark find_seq_mark(const fs::path& store) {
  FoundSeqMark found;
  const int descriptor = ::open(mark_path(store).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  found.exists = descriptor >= 0 || errno != ENOENT;
  if (descriptor < 0) return found;
  MarkBytes bytes{};
  struct ::stat status {};
  if (::pread(descriptor, bytes.data(), bytes.size(), 0) == static_cast<::ssize_t>(bytes.size()) &&
      ::fstat(descriptor, &status) == 0) {
    bool whole = false;
    std::tie(found.state, whole) = newest_slot(bytes);
    const std::int64_t changed_us = status.st_ctim.tv_sec * 1'000'000 + status.st_ctim.tv_nsec / 1'000;
    found.untouched = whole && std::abs(changed_us - found.state->written_us) <= longest_write_us;
  }
  ::close(descriptor);
  return found;
}

std::optional<std::int64_t> marked_schema(const fs::path& store) {
  const FoundSeqMark mark = find_seq_mark(store);
  if (!mark.state || mark.state->inode != inode_of(store)) return std::nullopt;
  return mark.state->schema;
}

std::optional<Span> seqs_of_this_file(const FoundSeqMark& mark, const SeqEvidence& evidence) {
  if (!mark.state || !mark.untouched || mark.state->inode != evidence.inode) return std::nullopt;
  const SeqMarkState& state = *mark.state;
  if (!state.stopped && state.boot_uuid != evidence.boot_uuid) return std::nullopt;
  return Span{state.committed, state.pending};
}

std::optional<SeqJump> judge_seqs(const FoundSeqMark& mark, const SeqEvidence& evidence) {
  if (evidence.is_new) {
    if (!mark.exists) return std::nullopt;
    return jump("the store that the mark beside it belongs to is gone");
  }
  if (!mark.exists) {
    if (!evidence.knows_marks) return std::nullopt;  // a store of a version without marks: taken as it is
    return jump("the mark beside the store is missing");
  }
  if (!mark.state) return jump("the mark beside the store is unreadable");
  const SeqMarkState& state = *mark.state;
  if (!mark.untouched) return jump("the mark beside the store is damaged, or was copied or changed");
  if (state.inode != evidence.inode) return jump("the store's file is not the one that the mark belongs to");
  const std::uint64_t newest = evidence.next_seq - 1;
  const bool same_boot = state.boot_uuid == evidence.boot_uuid;
  if (newest < state.committed) {
    const bool exact = (state.stopped || same_boot) && newest >= state.base - 1;
    return jump("the newest sets are missing, as after damage to its write-ahead log",
                exact ? std::optional(state.committed - newest) : std::nullopt);
  }
  if (!state.stopped && !same_boot) return jump("the machine went down before the agent had stopped");
  if (newest > state.pending) return jump("the store has newer sets than the mark beside it");
  return std::nullopt;
}

SeqMark::SeqMark(const fs::path& store, std::string boot_uuid) : store_(store), path_(mark_path(store)) {
  state_.boot_uuid = std::move(boot_uuid);
}

SeqMark::~SeqMark() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<Done, Failure> SeqMark::begin(std::uint64_t next_seq, const FoundSeqMark& found) {
  if (descriptor_ < 0)
    if (auto opened = open_file(found); !opened) return opened.error();
  if (found.state) state_.writes = std::max(state_.writes, found.state->writes);
  SeqMarkState state = state_;
  // Where the numbering goes on by one, the rows are dense from where they were before.
  const SeqMarkState& before = found.state ? *found.state : state_;
  const bool goes_on = before.committed < next_seq && next_seq <= before.pending + 1;
  state.base = goes_on ? before.base : next_seq;
  state.committed = state.pending = next_seq - 1;
  state.reserved = next_seq - 1 + block;
  state.inode = inode_of(store_);
  state.stopped = false;
  // Both slots: one that is not whole is then a sign of damage.
  if (auto written = write(state, false); !written) return written.error();
  return write(state_, true);
}

Result<Done, Failure> SeqMark::announce(std::uint64_t last) {
  SeqMarkState state = state_;
  state.pending = last;
  const bool beyond = last > state.reserved;
  if (beyond) state.reserved = last + block;
  return write(state, beyond);
}

void SeqMark::confirm() {
  SeqMarkState state = state_;
  state.committed = state.pending;
  if (!write(state, false)) ::unlink(path_.c_str());
}

void SeqMark::stop() {
  SeqMarkState state = state_;
  state.pending = state.committed;
  state.stopped = true;
  (void)write(state, true);  // else the next start jumps
}

/// An existing file is written in place: on a full disk no new one could be made.
Result<Done, Failure> SeqMark::open_file(const FoundSeqMark& found) {
  if (found.state) descriptor_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor_ >= 0) return Done{};
  return make_file();
}

Result<Done, Failure> SeqMark::make_file() {
  const fs::path temporary = path_.string() + ".new";
  descriptor_ = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, file_mode);
  const MarkBytes zeros{};
  const bool made = descriptor_ >= 0 && ::fchmod(descriptor_, file_mode) == 0 &&
                    write_all(descriptor_, zeros, 0) && ::fsync(descriptor_) == 0 &&
                    ::rename(temporary.c_str(), path_.c_str()) == 0;
  if (!made) {
    Failure failure = mark_failure(path_, errno);
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    ::unlink(temporary.c_str());
    return failure;
  }
  if (auto synced = sync_directory_of(path_); !synced) return Failure{Failure::Cause::broken, synced.error()};
  return Done{};
}

Result<Done, Failure> SeqMark::write(SeqMarkState state, bool synced) {
  if (!is_in_place()) {  // somebody has removed it
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    if (auto made = make_file(); !made) return made.error();
    synced = true;
  }
  ++state.writes;
  state.written_us = wall_clock_us();
  const auto at = static_cast<::off_t>(state.writes % slots * slot_size);
  if (!write_all(descriptor_, encode(state), at) || (synced && ::fsync(descriptor_) != 0))
    return mark_failure(path_, errno);
  state_ = std::move(state);
  return Done{};
}

bool SeqMark::is_in_place() const {
  struct ::stat status {};
  return descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0 && status.st_nlink > 0;
}

std::uint64_t inode_of(const fs::path& file) {
  struct ::stat status {};
  return ::stat(file.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace flopwatt::store
