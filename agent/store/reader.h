// Reads a store, of a running or a stopped agent, for export and history. Takes no lock that the agent needs
// and leaves no file behind. Blocking; one thread.
//
// While an agent runs, each chunk is one short read transaction of the write-ahead log. Nothing is held
// between chunks, so that the agent's checkpoints go on. Without a write-ahead log no agent has the store
// open: the reader opens the file as unchanging, which also works in a read-only directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/store/record.h"
#include "agent/store/span.h"
#include "readings/reading_set.h"
#include "readings/result.h"

namespace flopwatt::store {

class Reader {
 public:
  /// Fails if the file is missing, unreadable, no store, or written by a newer flopwatt.
  [[nodiscard]] static Result<std::unique_ptr<Reader>> open(const std::filesystem::path& path);

  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  /// The seqs in the store now; empty: none.
  [[nodiscard]] Result<Span> span();

  /// A set and its row.
  struct Item {
    Row row;
    ReadingSet set;
  };
  struct Chunk {
    std::vector<Item> items;    ///< ascending seq
    std::uint64_t damaged = 0;  ///< rows with a wrong checksum, which are left out
  };

  /// What was left out so far beside damaged rows.
  struct LeftOut {
    std::map<std::int64_t, std::string>
        sources;               ///< whose description is unreadable, and why; all their sets
    std::vector<Span> broken;  ///< ascending: a page of the file is broken there; no row was read
  };

  /// Rows of one chunk.
  static constexpr std::uint64_t chunk_rows = 2000;

  /// Reads the next rows of `rest`, takes them off its front, and decodes those that are `wanted`. Rows that
  /// the limits have removed meanwhile are skipped.
  [[nodiscard]] Result<Chunk> next(Span& rest, const std::function<bool(const Row&)>& wanted);

  /// The source with that number (Row::source). All its sets share the pointer. nullptr: its description is
  /// unreadable.
  [[nodiscard]] Result<SourcePtr> source(std::int64_t id);

  [[nodiscard]] LeftOut left_out() const;

 private:
  class Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flopwatt::store
