// The mark beside the store, <path>.seq: which seqs may have been given out. The write-ahead log can be
// damaged, cut or removed without a sign, and then the same seqs would name other sets. One thread, blocking.
//
// A block of seqs is reserved with one sync. Within it each commit writes the mark twice without a sync: what
// it is about to store, and that it is stored. That survives the end of the process however it comes; only
// what was synced survives a power cut, after which the boot's id differs.
//
// File: two slots that are written in turn, so that one is whole at any moment; encode() in seq_mark.cpp. After
// damage to one the other may be a commit behind: it says what was reserved, and no more.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/store/database.h"
#include "agent/store/schema.h"
#include "agent/store/store.h"
#include "readings/result.h"

namespace flopwatt::store {

/// One state of the mark.
struct SeqMarkState {
  std::uint64_t writes = 0;     ///< how often the mark was written: the higher slot is the newer
  std::uint64_t base = 1;       ///< first seq since the numbering last jumped; rows follow densely from here
  std::uint64_t committed = 0;  ///< the newest seq that was given out
  std::uint64_t pending = 0;    ///< the newest seq of the commit that was under way; committed: none
  std::uint64_t reserved = 0;   ///< no seq above it was given out, also if all of the above is out of date
  std::uint64_t inode = 0;      ///< of the store's main file
  bool stopped = false;         ///< the agent stopped in order, and synced this
  std::int64_t written_us = 0;  ///< wall clock, to be compared with the file's time of change
  std::string boot_uuid;
  /// Format of the store (schema.h) that the agent wrote: tells a newer store from one whose header is damaged.
  std::int64_t schema = schema_version;
};

/// What an agent before this one left.
struct FoundSeqMark {
  bool exists = false;
  std::optional<SeqMarkState> state;  ///< nullopt: missing or unreadable
  /// Whole, and changed when the agent wrote it and not since: it is no copy that was put back.
  bool untouched = false;
};

/// Never fails: what cannot be read is no mark.
[[nodiscard]] FoundSeqMark find_seq_mark(const std::filesystem::path& store);

/// The format of the store by the mark beside it; nullopt where there is no mark of this very file.
[[nodiscard]] std::optional<std::int64_t> marked_schema(const std::filesystem::path& store);

struct SeqEvidence;

/// The newest seq of the file if the mark is of this very file and in order: at least the one that is known to be
/// stored, and at most the one that was under way. `evidence.next_seq` is not looked at.
[[nodiscard]] std::optional<Span> seqs_of_this_file(const FoundSeqMark& mark, const SeqEvidence& evidence);

/// What the opened store says.
struct SeqEvidence {
  std::uint64_t next_seq = 1;  ///< behind the newest row
  std::uint64_t inode = 0;     ///< of the main file
  std::string boot_uuid;       ///< of this boot
  bool knows_marks = true;     ///< a version that writes marks has made or opened the file before
  bool is_new = false;         ///< the file was just made
};

/// Whether every seq that was given out is known to be in the store; if not, why, and how many are missing.
[[nodiscard]] std::optional<SeqJump> judge_seqs(const FoundSeqMark& mark, const SeqEvidence& evidence);

class SeqMark {
 public:
  /// Seqs in one block: a minute of a rack of a thousand sets a second.
  static constexpr std::uint64_t block = 65'536;

  SeqMark(const std::filesystem::path& store, std::string boot_uuid);
  SeqMark(const SeqMark&) = delete;
  SeqMark& operator=(const SeqMark&) = delete;
  ~SeqMark();

  /// The next set gets `next_seq`. Reserves a block, synced. Makes the file where it is missing or unreadable.
  /// Call after each opening of the store, before the first commit.
  [[nodiscard]] Result<Done, Failure> begin(std::uint64_t next_seq, const FoundSeqMark& found);

  /// Before a commit up to and with `last`. Not synced within the block.
  [[nodiscard]] Result<Done, Failure> announce(std::uint64_t last);
  /// The announced commit is safe. A mark that cannot say so is removed: a missing one makes the numbering
  /// jump, an old one might not.
  void confirm();
  /// After the store was closed in order. Synced.
  void stop();

 private:
  [[nodiscard]] Result<Done, Failure> open_file(const FoundSeqMark& found);
  [[nodiscard]] Result<Done, Failure> make_file();
  [[nodiscard]] Result<Done, Failure> write(SeqMarkState state, bool synced);
  [[nodiscard]] bool is_in_place() const;

  std::filesystem::path store_, path_;
  int descriptor_ = -1;
  SeqMarkState state_;
};

/// 0: there is no such file.
[[nodiscard]] std::uint64_t inode_of(const std::filesystem::path& file);

}  // namespace flopwatt::store
